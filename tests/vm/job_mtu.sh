# shellcheck shell=bash
# SPDX-License-Identifier: GPL-2.0-or-later
#
# `espial mtu --sa` of each transform that this kernel has, beside the ESP that it makes: sizes to the byte, and the largest inner
# packet is the largest that the kernel lets through.
. "$(dirname "${BASH_SOURCE[0]}")/lib.sh"
vm_modules veth xfrm_user esp4 ah4 authenc hmac sha1_generic sha256_generic sha512_generic md5 crypto_null xfrm_algo gcm ccm ctr cbc \
	aes_generic xcbc cmac chacha20poly1305 des_generic camellia_generic serpent_generic twofish_generic blowfish_generic cast5_generic
vm_pair
for host in a b; do
	mac=$(nsq $host cat "/sys/class/net/${host}0/address")
	other=$([ $host = a ] && echo b || echo a)
	nsq "$other" ip neigh replace "10.9.0.$([ $host = a ] && echo 1 || echo 2)" lladdr "$mac" dev "${other}0"
done
SPI=0x00001001

# sent SIZE...: for UDP of these inner sizes what left a0, in bytes of IP; or "refused", when the kernel says that it is too large
sent()
{
	nsq a python3 - "$@" <<-'END'
	import socket, sys, time
	def counter(name):
	    with open("/sys/class/net/a0/statistics/tx_" + name) as f:
	        return int(f.read())
	s = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
	s.bind(("10.9.1.1", 0))
	s.setsockopt(socket.IPPROTO_IP, 10, 2) # IP_MTU_DISCOVER, IP_PMTUDISC_DO
	result = []
	for size in map(int, sys.argv[1:]):
	    packets, octets = counter("packets"), counter("bytes")
	    try:
	        s.sendto(b"\0" * (size - 28), ("10.9.2.1", 9))
	    except OSError as e:
	        result.append("refused" if e.errno == 90 else str(e))
	        continue
	    deadline = time.monotonic() + 30
	    while counter("packets") == packets and time.monotonic() < deadline:
	        time.sleep(0.01)
	    result.append("nothing" if counter("packets") == packets else str(counter("bytes") - octets - 14))
	print(*result)
	END
}

# computed [OPTION...]: inner size of a packet, and what it becomes. Few calls: each takes a second in an emulated guest
computed()
{
	# shellcheck disable=SC2086 # several words
	nsq a "$ESPIAL" mtu --json --sa $SPI $MTU_OPTIONS "$@" | jq -r '"\(.packet.inner) \(.packet.size)"'
}

tried=0 lacking=''
# transform NAME PROTOCOL OPTIONS...: of `ip xfrm state add`; MTU_OPTIONS: more for `espial mtu`
transform()
{
	local name=$1 protocol=$2 inner largest smaller

	shift 2
	nsq a ip xfrm state flush
	nsq a ip xfrm policy flush
	if ! nsq a ip xfrm state add src 10.9.0.1 dst 10.9.0.2 proto "$protocol" spi $SPI reqid 7 mode tunnel "$@" 2>/dev/null; then
		lacking+=" $name"
		return
	fi
	nsq a ip xfrm policy add src 10.9.1.1 dst 10.9.2.1 dir out tmpl src 10.9.0.1 dst 10.9.0.2 proto "$protocol" reqid 7 mode tunnel
	tried=$((tried + 1))
	read -r inner largest <<<"$(computed)"
	read -r _ smaller <<<"$(computed --packet 1321)"
	is "$name: inner MTU $inner" "$(sent 1321 "$inner" $((inner + 1)))" "$smaller $largest refused"
}

# key BYTES
key()
{
	local k=${VM_KEY#0x}

	k=$k$(rev <<<"$k")
	echo "0x${k:0:$((2 * $1))}"
}

MTU_OPTIONS=''
for bits in 64 96 128; do
	transform "gcm icv $bits" esp aead 'rfc4106(gcm(aes))' "$(key 36)" $bits
	transform "ccm icv $bits" esp aead 'rfc4309(ccm(aes))' "$(key 19)" $bits
done
transform gmac esp aead 'rfc4543(gcm(aes))' "$(key 20)" 128
transform chacha20poly1305 esp aead 'rfc7539esp(chacha20,poly1305)' "$(key 36)" 128
while read -r cipher bytes; do
	transform "$cipher sha256" esp enc "$cipher" "$(key "$bytes")" auth-trunc 'hmac(sha256)' "$(key 32)" 128
done <<'END'
cbc(aes) 16
cbc(aes) 32
rfc3686(ctr(aes)) 20
cbc(des) 8
cbc(des3_ede) 24
cbc(cast5) 16
cbc(blowfish) 16
cbc(serpent) 16
cbc(camellia) 32
cbc(twofish) 16
END
while read -r integrity bytes bits; do
	transform "null $integrity $bits" esp enc 'ecb(cipher_null)' '' auth-trunc "$integrity" "$(key "$bytes")" "$bits"
done <<'END'
hmac(md5) 16 96
hmac(sha1) 20 96
hmac(sha256) 32 96
hmac(sha256) 32 128
hmac(sha384) 48 192
hmac(sha512) 64 256
xcbc(aes) 16 96
cmac(aes) 16 96
END
transform "in UDP" esp aead 'rfc4106(gcm(aes))' "$(key 20)" 128 encap espinudp 4500 4500 0.0.0.0
MTU_OPTIONS=--ah-align8
transform "AH sha256" ah auth-trunc 'hmac(sha256)' "$(key 32)" 128
MTU_OPTIONS=''
transform "AH sha256, align4" ah auth-trunc 'hmac(sha256)' "$(key 32)" 128 flag align4
echo "not in this kernel:${lacking:- none}"
check "the kernel has some of them ($tried)" test $tried -ge 10
is "an SA that is not there" "$(nsq a "$ESPIAL" mtu --sa 0x99 2>&1)" "espial: --sa 0x99: the kernel has no such SA: \`ip xfrm \
state\` lists them; user-space ESP (libipsec) has none there: use --tunnel"
nsq a ip xfrm state add src 10.9.0.1 dst 10.9.0.3 proto ah spi $SPI mode tunnel auth-trunc 'hmac(sha256)' "$(key 32)" 128
is "two SAs with one SPI" "$(nsq a "$ESPIAL" mtu --sa $SPI 2>&1 | sed 's/ --destination .*//')" \
	"espial: --sa $SPI: several SAs have this SPI: add"
is "one of them" "$(nsq a "$ESPIAL" mtu --sa $SPI --destination 10.9.0.3 --json | jq -r .source)" \
	"SA $SPI to 10.9.0.3, from the kernel"
finish
