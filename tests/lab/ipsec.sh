# shellcheck shell=bash
# SPDX-License-Identifier: GPL-2.0-or-later
#
# ipsec.sh - strongSwan on left and right of lab.sh
#
# Sourced, after lab.sh. ESP runs in user space (kernel-libipsec), always in UDP, so that it works on kernels without ESP;
# LAB_KERNEL=kernel-netlink takes the kernel's. Two daemons live beside each other because `ip netns exec` gives each command
# a mount namespace of its own, in which /run is a tmpfs.
#
#   lab_conn [KEY=VALUE]...       write both configurations, see there for the keys
#   lab_daemon_start NAME [LINES] start charon, with LINES added to its charon { }
#   lab_daemons [KEY=VALUE]...    both gateways configured, and their daemons running
#   lab_tunnel [KEY=VALUE]...     all of it: configuration, daemons, tunnel up
#   lab_swanctl NAME ARGS...

_lab_charon=/usr/lib/ipsec/charon

# Says why it cannot work here, or nothing
lab_ipsec_missing()
{
	local command

	for command in swanctl nft tcpdump ping python3; do
		command -v $command >/dev/null || { echo "needs $command"; return 0; }
	done
	[ -x $_lab_charon ] || { echo "needs $_lab_charon (package strongswan-charon)"; return 0; }
	[ -c /dev/net/tun ] || echo "needs /dev/net/tun"
}

# Copies, because AppArmor's profiles of charon and swanctl go by path and deny files outside of /etc
_lab_program()
{
	[ -x "$LAB_DIR/${1##*/}" ] || cp "$1" "$LAB_DIR/"
	echo "$LAB_DIR/${1##*/}"
}

_lab_daemon_conf()
{
	local name=$1 lines=$2

	cat >"$LAB_DIR/$name/strongswan.conf" <<-END
	charon {
	  # kernel-libipsec before kernel-netlink: the first that offers ESP gets it
	  load = random nonce openssl pem x509 pkcs1 pubkey constraints revocation curve25519 kdf hmac sha1 sha2 aes gcm md5 gmp ${LAB_KERNEL:-kernel-libipsec kernel-netlink} socket-default vici updown resolve
	  load_modular = no
	  $lines
	  plugins {
	    vici {
	      socket = unix://$LAB_DIR/$name/vici
	    }
	  }
	  filelog {
	    f {
	      path = $LAB_DIR/$name/charon.log
	      time_format = %H:%M:%S
	      time_add_ms = yes
	      append = no
	      flush_line = yes
	      default = 1
	    }
	  }
	}
	swanctl {
	  load = pem pkcs1 x509 pubkey openssl random
	}
	END
}

lab_swanctl()
{
	local name=$1

	shift
	env STRONGSWAN_CONF="$LAB_DIR/$name/strongswan.conf" SWANCTL_DIR="$LAB_DIR/$name" \
		"$(_lab_program /usr/sbin/swanctl)" "$@" --uri "unix://$LAB_DIR/$name/vici"
}

declare -A LAB_CHARON=()

lab_daemon_start()
{
	local name=$1

	_lab_daemon_conf "$name" "${2:-}"
	# shellcheck disable=SC2016 # the inner shell's
	ns_spawn "$name" "$LAB_DIR/$name/out" env STRONGSWAN_CONF="$LAB_DIR/$name/strongswan.conf" \
		sh -c 'mount -t tmpfs none /run && mkdir /run/lock && exec "$0"' "$(_lab_program $_lab_charon)"
	LAB_CHARON[$name]=$SPAWNED
	at_exit lab_daemon_stop "$name" KILL
	wait_for 60 lab_swanctl "$name" --stats
}

# lab_daemon_stop NAME [SIGNAL]
lab_daemon_stop()
{
	stop_process "${LAB_CHARON[$1]:-}" "${2:-TERM}"
	rm -f "$LAB_DIR/$1/vici"
}

# lab_conn [KEY=VALUE]...: version, ike, esp, psk, and whole lines in options (of the connection) and child (of the child);
# each with right_ before it for the right side alone. One connection t with one child c.
lab_conn()
{
	local -A set=([version]=2 [ike]=aes128-sha256-x25519 [esp]=aes128gcm16-x25519 [psk]=topsecret [options]='' [child]='')
	local arg key

	for arg in "$@"; do
		set[${arg%%=*}]=${arg#*=}
	done
	for key in version ike esp psk options child; do
		[ "${set[right_$key]+given}" ] || set[right_$key]=${set[$key]}
	done
	_lab_conn_of left '' "$LAB_LEFT" "$LAB_RIGHT" 192.168.1.0/24 192.168.2.0/24 right
	_lab_conn_of right right_ "$LAB_RIGHT" "$LAB_LEFT" 192.168.2.0/24 192.168.1.0/24 left
}

# Reads `set` of lab_conn()
_lab_conn_of()
{
	local name=$1 p=$2 dir

	for dir in x509 x509ca x509ocsp x509aa x509ac x509crl pubkey private rsa ecdsa pkcs8 pkcs12; do
		mkdir -p "$LAB_DIR/$name/$dir"
	done
	cat >"$LAB_DIR/$name/swanctl.conf" <<-END
	connections {
	  t {
	    version = ${set[${p}version]}
	    local_addrs = $3
	    remote_addrs = $4
	    proposals = ${set[${p}ike]}
	    ${set[${p}options]}
	    local {
	      auth = psk
	      id = $name
	    }
	    remote {
	      auth = psk
	      id = $7
	    }
	    children {
	      c {
	        local_ts = $5
	        remote_ts = $6
	        esp_proposals = ${set[${p}esp]}
	        ${set[${p}child]}
	      }
	    }
	  }
	}
	secrets {
	  ike-1 {
	    id-1 = left
	    id-2 = right
	    secret = "${set[${p}psk]}"
	  }
	}
	END
}

lab_load()
{
	lab_swanctl "$1" --load-all --clear --noprompt --file "$LAB_DIR/$1/swanctl.conf" >"$LAB_DIR/$1/load" 2>&1
}

# lab_spis NAME: "in 0x…" and "out 0x…" of the installed child SAs, sorted
lab_spis()
{
	lab_swanctl "$1" --list-sas | awk '
		/^ *c: / { installed = /INSTALLED/ }
		installed && /^ *(in|out) / { sub(/,/, "", $2); print $1, "0x" $2 }' | sort
}

# Both ends have the same pair of SAs, and nothing else
lab_is_up()
{
	local left right

	left=$(lab_spis left)
	right=$(lab_spis right | sed 's/^in/OUT/; s/^out/in/; s/^OUT/out/' | sort)
	[ "$(wc -l <<<"$left")" = 2 ] && [ "$left" = "$right" ]
}

lab_initiate()
{
	lab_swanctl left --initiate --child c --timeout 60 >"$LAB_DIR/left/initiate" 2>&1 && wait_for 60 lab_is_up
}

# Replaces the child SA; done when both ends have only the new one
lab_rekey()
{
	local before

	before=$(lab_spis left)
	lab_swanctl left --rekey --child c >"$LAB_DIR/left/rekey" 2>&1 && wait_for 60 _lab_is_rekeyed "$before"
}

_lab_is_rekeyed()
{
	lab_is_up && [ -z "$(comm -12 <(echo "$1") <(lab_spis left))" ]
}

lab_daemons()
{
	lab_conn "$@"
	lab_daemon_start left && lab_daemon_start right && lab_load left && lab_load right
}

lab_tunnel()
{
	lab_daemons "$@" && lab_initiate
}
