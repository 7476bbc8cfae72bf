# shellcheck shell=bash
# SPDX-License-Identifier: GPL-2.0-or-later
#
# `espial mtu --sa` beside the ESP and AH that this kernel makes, for each transform that it has, in tunnel and transport mode, over
# IPv4 and IPv6, in UDP and not: the size of a packet to the byte, and the largest inner packet is the largest that the kernel lets
# through. For some of them every size over a block.
. "$(dirname "${BASH_SOURCE[0]}")/lib.sh"
vm_modules veth xfrm_user esp4 esp6 ah4 ah6 authenc hmac sha1_generic sha256_generic sha512_generic md5 rmd160 sm3_generic crypto_null \
	xfrm_algo gcm ccm ctr cbc aes_generic xcbc cmac chacha20poly1305 des_generic camellia_generic serpent_generic \
	twofish_generic blowfish_generic cast5_generic sm4_generic
vm_pair
nsq a sysctl -qw net.ipv6.conf.all.disable_ipv6=0 net.ipv6.conf.a0.disable_ipv6=0 net.ipv6.conf.a0.accept_ra=0 \
	net.ipv6.conf.a0.mldv2_unsolicited_report_interval=0
nsq a ip link set a0 addrgenmode none
nsq a ip addr add fd09::1/64 dev a0 nodad
nsq a ip addr add fd09:1::1/128 dev lo nodad
# Whatever is sent leaves for b, which need not want it
mac=$(nsq b cat /sys/class/net/b0/address)
nsq a ip neigh replace 10.9.0.2 lladdr "$mac" dev a0
nsq a ip neigh replace fd09::2 lladdr "$mac" dev a0
nsq b ip neigh replace 10.9.0.1 lladdr "$(nsq a cat /sys/class/net/a0/address)" dev b0
nsq a ip route add 10.9.0.0/16 via 10.9.0.2 src 10.9.1.1
nsq a ip route add fd09:2::/32 via fd09::2 src fd09:1::1
nsq a ip route add fd09:4::/32 via fd09::2 src fd09::1

nsq a python3 - "$ESPIAL" "$VM_KEY" <<'END'
import json, socket, subprocess, sys, time

espial, vm_key = sys.argv[1], sys.argv[2][2:]
number, lacking, tried = 0, [], set()

def verdict(good, name, why=""):
    print(("ok " if good else "not ok ") + name + ("" if good else " - " + why), flush=True)

def key(octets):
    return "0x" + (vm_key * 3)[:2 * octets]

def counter(name):
    with open("/sys/class/net/a0/statistics/tx_" + name) as f:
        return int(f.read())

def counters():
    """Packets and bytes of the same moment."""
    while True:
        packets = counter("packets")
        octets = counter("bytes")
        if counter("packets") == packets:
            return packets, octets

def sent(family, source, target, size):
    """For UDP of this size, IP header included: bytes of IP that left a0, or "refused"."""
    s = socket.socket(family, socket.SOCK_DGRAM)
    s.bind((source, 0))
    if family == socket.AF_INET:
        s.setsockopt(socket.IPPROTO_IP, 10, 2)  # IP_MTU_DISCOVER, IP_PMTUDISC_DO
    else:
        s.setsockopt(socket.IPPROTO_IPV6, 23, 2)
    for _ in range(5):
        packets, octets = counters()
        try:
            s.sendto(b"\0" * (size - (28 if family == socket.AF_INET else 48)), (target, 9))
        except OSError as e:
            return "refused" if e.errno == 90 else str(e)
        deadline = time.monotonic() + 30
        while counter("packets") == packets and time.monotonic() < deadline:
            time.sleep(0.001)
        after = counters()
        if after[0] == packets + 1:
            return after[1] - octets - 14
    return "%d packets" % (after[0] - packets)

def ip(*words):
    return subprocess.run(["ip", "xfrm", *words], stderr=subprocess.DEVNULL).returncode == 0

def computed(spi, *options):
    p = subprocess.run([espial, "mtu", "--json", "--sa", spi, *options], capture_output=True, text=True)
    return json.loads(p.stdout) if p.returncode == 0 else p.stderr.strip()

def one(name, protocol, mode, outer, options, sweep=()):
    """One SA: its sizes as computed and as they are."""
    global number
    number += 1
    spi = "0x%08x" % (0x1000 + number)
    family = socket.AF_INET if outer == 4 else socket.AF_INET6
    if mode == "tunnel":
        ends = ("10.9.0.1", "10.9.0.2") if outer == 4 else ("fd09::1", "fd09::2")
        inner = ("10.9.1.1", "10.9.2.%d" % number) if outer == 4 else ("fd09:1::1", "fd09:2::%x" % number)
    else:
        ends = inner = ("10.9.0.1", "10.9.4.%d" % number) if outer == 4 else ("fd09::1", "fd09:4::%x" % number)
    if not ip("state", "add", "src", ends[0], "dst", ends[1], "proto", protocol, "spi", spi, "reqid", str(number), "mode",
              mode, *options):
        lacking.append(name)
        return
    ip("policy", "add", "src", inner[0], "dst", inner[1], "dir", "out", "tmpl", "src", ends[0], "dst", ends[1], "proto",
       protocol, "reqid", str(number), "mode", mode)
    tried.add(name.split(",")[0])
    answer = computed(spi, "--packet", "1321")
    if isinstance(answer, str):
        verdict(False, name, answer)
        return
    most = answer["inner_mtu"]
    wanted = [answer["packet"]["size"], answer["link_mtu"] - answer["unused"], "refused"]
    got = [sent(family, *inner, size) for size in (1321, most, most + 1)]
    for size in sweep:
        wanted.append(computed(spi, "--packet", str(size))["packet"]["size"])
        got.append(sent(family, *inner, size))
    verdict(got == wanted, "%s: inner MTU %d, %s" % (name, most, answer["proposal"]), "sent %s, computed %s" % (got, wanted))
    ip("policy", "delete", "src", inner[0], "dst", inner[1], "dir", "out")

def everywhere(name, protocol, options, sweep=(), brief=False):
    one(name, protocol, "tunnel", 4, options, sweep)
    if lacking and lacking[-1] == name:
        return
    one(name + ", IPv6", protocol, "tunnel", 6, options)
    if brief:
        return
    one(name + ", transport", protocol, "transport", 4, options)
    one(name + ", transport, IPv6", protocol, "transport", 6, options)
    if protocol == "esp":
        one(name + ", in UDP", protocol, "tunnel", 4, options + ["encap", "espinudp", "4500", "4500", "0.0.0.0"])

def aead(name, octets, bits):
    return ["aead", name, key(octets), str(bits)]

def auth(name, octets, bits):
    return ["auth-trunc", name, key(octets), str(bits)]

sha256 = auth("hmac(sha256)", 32, 128)
steps = range(1300, 1317)
for bits in (64, 96, 128):
    everywhere("gcm %d" % bits, "esp", aead("rfc4106(gcm(aes))", 36, bits), steps if bits == 96 else ())
    everywhere("ccm %d" % bits, "esp", aead("rfc4309(ccm(aes))", 19, bits))
everywhere("gmac", "esp", aead("rfc4543(gcm(aes))", 20, 128))
everywhere("chacha20poly1305", "esp", aead("rfc7539esp(chacha20,poly1305)", 36, 128))
for cipher, octets in (("cbc(aes)", 16), ("cbc(aes)", 24), ("cbc(aes)", 32), ("rfc3686(ctr(aes))", 20), ("cbc(des)", 8),
                       ("cbc(des3_ede)", 24), ("cbc(cast5)", 16), ("cbc(blowfish)", 16), ("cbc(serpent)", 16),
                       ("cbc(camellia)", 32), ("cbc(twofish)", 16), ("cbc(sm4)", 16)):
    everywhere("%s %d" % (cipher, 8 * octets), "esp", ["enc", cipher, key(octets)] + sha256,
               steps if octets == 24 else ())
hashes = (("hmac(md5)", 16, 96), ("hmac(md5)", 16, 128), ("hmac(sha1)", 20, 96), ("hmac(sha1)", 20, 160), ("hmac(sha256)", 32, 96),
          ("hmac(sha256)", 32, 128), ("hmac(sha384)", 48, 192), ("hmac(sha512)", 64, 256), ("hmac(rmd160)", 20, 96),
          ("xcbc(aes)", 16, 96), ("cmac(aes)", 16, 96), ("hmac(sm3)", 32, 256))
for name, octets, bits in hashes:
    everywhere("null, %s %d" % (name, bits), "esp", ["enc", "ecb(cipher_null)", ""] + auth(name, octets, bits), brief=True)
    everywhere("AH %s %d" % (name, bits), "ah", auth(name, octets, bits))
one("AH align4", "ah", "tunnel", 4, sha256 + ["flag", "align4"], steps)
one("without integrity", "esp", "tunnel", 4, ["enc", "cbc(aes)", key(16)])
one("digest_null", "esp", "tunnel", 4, ["enc", "cbc(aes)", key(16), "auth", "digest_null", ""])
print("not in this kernel: " + (", ".join(lacking) or "none"))
verdict(len(tried) >= 25, "the kernel has most of them", "%d: %s" % (len(tried), lacking))
END
check "all were tried" test $? = 0

SPI=0x0000f001
is "an SA that is not there" "$(nsq a "$ESPIAL" mtu --sa 0x99 2>&1)" "espial: --sa 0x99: the kernel has no such SA: \`ip xfrm \
state\` lists them; user-space ESP (libipsec) has none there: use --tunnel"
for host in 10.9.0.2 10.9.0.3; do
	nsq a ip xfrm state add src 10.9.0.1 dst $host proto ah spi $SPI mode tunnel auth-trunc 'hmac(sha256)' "$VM_KEY" 128
done
is "two SAs with one SPI" "$(nsq a "$ESPIAL" mtu --sa $SPI 2>&1 | sed 's/ --destination .*//')" \
	"espial: --sa $SPI: several SAs have this SPI: add"
is "one of them" "$(nsq a "$ESPIAL" mtu --sa $SPI --destination 10.9.0.3 --json | jq -r .source)" \
	"SA $SPI to 10.9.0.3, from the kernel"
finish
