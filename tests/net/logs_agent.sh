#!/usr/bin/env bash
# SPDX-License-Identifier: GPL-2.0-or-later
#
# Logs as a source of the agent: what a file and the journal say is raised and cleared beside what is seen, over rotation; hooks are told
# by command and by web; `espial explain --with` this agent
. "$(dirname "$0")/lib.sh"
need_netns
need_cmd jq python3 curl
net_pair 1500 || skip_all "no veth here"
log=$TMPDIR/charon.log out=$TMPDIR/out

# A receiver of the web hook: one line of JSON for each POST
ns_spawn dut "$TMPDIR/receiver.log" python3 -c '
import http.server, sys
class Receiver(http.server.BaseHTTPRequestHandler):
    def do_POST(self):
        with open(sys.argv[1], "ab") as f:
            f.write(self.rfile.read(int(self.headers["Content-Length"])))
        self.send_response(204)
        self.end_headers()
http.server.HTTPServer(("127.0.0.1", 8099), Receiver).serve_forever()' "$TMPDIR/posts"
at_exit stop_process "$SPAWNED" KILL
# shellcheck disable=SC2317 # by wait_for
listens()
{
	ns dut curl -s -o /dev/null http://127.0.0.1:8099/
}
check "the receiver listens" wait_for 60 listens

# A journalctl of our own: what is in a file, and what comes
mkdir "$TMPDIR/bin"
cat >"$TMPDIR/bin/journalctl" <<'END'
#!/bin/sh
echo "$*" >>"${0%/*}/arguments"
cat "${0%/*}/lines" 2>/dev/null
while kill -0 $PPID 2>/dev/null && [ ! -e "${0%/*}/end" ]; do sleep 0.1; done
rm -f "${0%/*}/end"
END
chmod +x "$TMPDIR/bin/journalctl"

# charon MESSAGE
charon()
{
	echo "$(date -u +%Y-%m-%dT%H:%M:%S.%3NZ) gw charon: 05[IKE] $*"
}
up()
{
	charon "IKE_SA hq[$1] established between 10.9.0.2[a]...10.9.0.1[b]"
}
diagnose()
{
	TZ=UTC "$ESPIAL" diagnose --socket "$AGENT_SOCKET" "$@"
}
# shellcheck disable=SC2317 # by wait_for
raised()
{
	sleep 0.2 # asking costs
	[ "$(diagnose --json | jq -r "[.[] | select(.subject.peer == \"$1\" and .until == null) | .id] | join(\" \")")" = "$2" ]
}

up 1 >"$log"
PATH=$TMPDIR/bin:$PATH check "the agent" agent_start dut -i b0 --listen 127.0.0.1:9641 --log-file "$log" --log-file "$TMPDIR/none.log" \
	--log-journal strongswan --hook-url http://127.0.0.1:8099/espial --hook-command "cat >>$TMPDIR/commands"
charon '<hq|1> giving up after 5 retransmits' >>"$log"
check "what the log says is raised" wait_for 60 raised 10.9.0.1 dpd-timeout
diagnose >"$out"
matches "with its line as evidence" "$(cat "$out")" 'gave up: .*<hq\|1> giving up after 5 retransmits'
is "of the log" "$(diagnose --json | jq -r '[.[] | select(.id == "dpd-timeout") | .evidence[].origin] | unique | join(" ")')" log
ns dut curl -s http://127.0.0.1:9641/metrics >"$out"
matches "in the metrics" "$(cat "$out")" 'espial_finding\{id="dpd-timeout",severity="critical",tunnel="hq",peer="10\.9\.0\.1"\} 1'
matches "lines are counted" "$(cat "$out")" 'espial_agent_log_messages_total 2'

mv "$log" "$log.1"
up 2 >"$log"
check "and cleared after a rotation" wait_for 60 raised 10.9.0.1 ""
is "which is kept" "$(diagnose --json --since '1 hour ago' | jq -r '[.[] | select(.until) | .id] | join(" ")')" dpd-timeout

# shellcheck disable=SC2317 # by wait_for
told()
{
	[ "$(jq -r '.event + " " + .findings[0].id + " " + .findings[0].subject.peer' "$1" | xargs)" = "$2" ]
}
both='raised dpd-timeout 10.9.0.1 cleared dpd-timeout 10.9.0.1'
check "the web was told" wait_for 60 told "$TMPDIR/posts" "$both"
check "and the command" wait_for 60 told "$TMPDIR/commands" "$both"
# shellcheck disable=SC2317 # by wait_for
counted()
{
	[ "$(agent_json self | jq -c '.self | [.hook_url, .hook_command | .sent, .failed, .dropped]')" = '[2,0,0,2,0,0]' ]
}
check "which is counted" wait_for 60 counted

# The journal: another peer, in a child that ends and is followed by another
printf '{"__CURSOR":"s=7","__REALTIME_TIMESTAMP":"%s","SYSLOG_IDENTIFIER":"charon","MESSAGE":"05[IKE] <dc|9> %s"}\n' \
	"$(date +%s)000000" 'IKE_SA dc[9] established between 10.9.0.2[a]...10.9.0.77[b]' \
	"$(date +%s)000001" 'giving up after 5 retransmits' >"$TMPDIR/bin/lines"
touch "$TMPDIR/bin/end"
check "what the journal says is raised" wait_for 90 raised 10.9.0.77 dpd-timeout
matches "asked for the unit" "$(head -n 1 "$TMPDIR/bin/arguments")" '--unit=strongswan --since=@[0-9]+ --lines=all --follow$'
matches "a journalctl that ended is told" "$(cat "$AGENT_LOG")" 'systemd journal of strongswan: journalctl ended'
check "a file that is away is told" wait_for 60 grep -q 'none.log: No such file or directory: its lines are missing' "$AGENT_LOG"
is "once" "$(grep -c 'none.log: No such file' "$AGENT_LOG")" 1
check "and counted" agent_shows 60 .self.logs.missing 1

# With this agent: ESP of the peer came on
ns gen "$NET_PROGRAMS/traffic" a0 1500 0 >"$TMPDIR/sent.json" || not_ok "traffic" "not sent"
peer=$(agent_json | jq -r '[.sas[].source][0]')
{
	charon "IKE_SA x[3] established between 10.9.0.2[a]...${peer}[b]"
	charon '<x|3> giving up after 5 retransmits'
} >"$TMPDIR/with.log"
for with in "$AGENT_SOCKET" http://127.0.0.1:9641; do
	ns dut "$ESPIAL" explain --json --with "$with" "$TMPDIR/with.log" >"$out"
	matches "what the agent saw: ${with%%/*}" "$(jq -r '.findings[0].evidence[] | select(.origin == "wire") | .what' "$out")" \
		'ESP (packet )?of the peer'
done
agent_stop
is "the agent ends" $? 0
# shellcheck disable=SC2317 # by wait_for
no_child()
{
	! pgrep -f "$TMPDIR/bin/journalctl"
}
check "and its child with it" wait_for 60 no_child
finish
