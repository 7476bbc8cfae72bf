# shellcheck shell=bash
# SPDX-License-Identifier: GPL-2.0-or-later
#
# The mirror in the datapath is what `ip xfrm state` has, through 1000 rekeys under traffic; keys are nowhere in the
# process that reads SAs.
. "$(dirname "${BASH_SOURCE[0]}")/lib.sh"
vm_modules veth xfrm_user esp4 authenc hmac sha256_generic crypto_null xfrm_algo
vm_pair
vm_policies

# batch FROM TO: for `ip -batch`, in $TMPDIR: a rekeys that often, each SA made before its predecessor goes; b has the new
# ones before (`more`) and the old ones until afterwards (`less`), as IKE sees to
batch()
{
	awk -v from="$1" -v to="$2" -v key="$VM_KEY" -v dir="$TMPDIR" '
	function add(file, src, dst, spi) {
		printf "xfrm state add src %s dst %s proto esp spi 0x%08x reqid 7 mode tunnel replay-window 32 " \
			"enc ecb(cipher_null) \"\" auth-trunc hmac(sha256) %s 128\n", src, dst, spi, key >(dir "/" file)
	}
	function del(file, src, dst, spi) {
		printf "xfrm state delete src %s dst %s proto esp spi 0x%08x\n", src, dst, spi >(dir "/" file)
	}
	BEGIN {
		printf "" >(dir "/less")
		for (n = from; n <= to; n++) {
			add("more", "10.9.0.1", "10.9.0.2", 268435456 + n)
			add("more", "10.9.0.2", "10.9.0.1", 536870912 + n)
			add("a", "10.9.0.1", "10.9.0.2", 268435456 + n)
			add("a", "10.9.0.2", "10.9.0.1", 536870912 + n)
			if (n == 1)
				continue
			del("a", "10.9.0.1", "10.9.0.2", 268435456 + n - 1)
			del("a", "10.9.0.2", "10.9.0.1", 536870912 + n - 1)
			del("less", "10.9.0.1", "10.9.0.2", 268435456 + n - 1)
			del("less", "10.9.0.2", "10.9.0.1", 536870912 + n - 1)
		}
	}'
}

ip_states()
{
	nsq b ip xfrm state | awk '$1 == "src" { dst = $4 } $1 == "proto" { print dst, $2, $4 }' | sort
}

rekeys()
{
	batch "$1" "$2"
	nsq b ip -batch "$TMPDIR/more" && nsq a ip -batch "$TMPDIR/a" && nsq b ip -batch "$TMPDIR/less"
}

watch_start b b0
check "the first SAs" rekeys 1 1
is "one each way" "$(watch_ask mirror | sort)" "$(ip_states)"
is "which is two" "$(watch_ask mirror | wc -l)" 2
nsq a ping -i 0.02 -q 10.9.2.1 >/dev/null &
ping=$!
equal='' from=2
for to in 100 200 300 400 500 600 700 800 900 1000 1001; do
	rekeys $from $to
	from=$((to + 1))
	mirror=$(watch_ask mirror | sort)
	if [ -n "$mirror" ] && [ "$mirror" = "$(ip_states)" ]; then
		equal+="=$to "
	else
		echo "at $to: mirror: $mirror; ip: $(ip_states)"
	fi
done
stop_process $ping
is "the mirror equals ip xfrm state, 1000 rekeys long" "$equal" "=100 =200 =300 =400 =500 =600 =700 =800 =900 =1000 =1001 "
read -r _ added removed _ <<<"$(watch_ask heard)"
is "every SA was heard of" "$added $removed" "2002 2000"
is "no notice was lost" "$(watch_ask heard | sed 's/.*overruns //')" 0
packets=$(watch_ask state | awk '$1 == "sa" && $3 == "in" { n += $5 } END { print n + 0 }')
check "there was traffic ($packets packets)" test "$packets" -gt 100
is "what came was of SAs that are known, or in grace" "$(watch_ask state | awk '$1 == "unknown" || $6 > 0')" "unknown 0"

# ---- a flood of changes that the queue cannot hold is another test's (prog/test_xfrm_live); a flush is one notice
nsq b ip xfrm state flush
is "after a flush the mirror is empty" "$(watch_ask mirror | wc -l) $(ip_states | wc -l)" "0 0"
nsq a ip xfrm state flush
check "and what comes back is in it" rekeys 1 1
is "in both" "$(watch_ask mirror | sort)" "$(ip_states)"

# ---- keys

is "the key is in the kernel's answer" "$(nsq b ip xfrm state | grep -c "$VM_KEY")" 2
watch_ask kernel >"$TMPDIR/kernel"
watch_ask state >"$TMPDIR/state"
memory=$("$WATCH" grep "$watch_pid" "${VM_KEY#0x}")
is "not a trace of it in the memory of who follows SAs" "${memory% in *}" 0
matches "of which a megabyte or more was searched" "${memory#* in }" '^[0-9]{7,}$'
# hmac(sha256): what surely is in there, so that the search is known to find
found=$("$WATCH" grep "$watch_pid" 686d61632873686132353629)
check "the search finds what is there" test "${found% in *}" -gt 0
is "half a key is not there either" "$("$WATCH" grep "$watch_pid" "${VM_KEY:2:16}" | cut -d' ' -f1)" 0
is "nor in what it says" "$(cat "$TMPDIR/kernel" "$TMPDIR/state" "$TMPDIR/watch.log" | grep -ci "${VM_KEY#0x}")" 0
is "no core dumps" "$(awk '/Max core file size/ { print $5, $6 }' "/proc/$watch_pid/limits")" "0 0"
finish
