# SPDX-License-Identifier: GPL-2.0-or-later
#
# mutate.awk -v file=NAME -v from=N -v switched=FILE [-v sample=1] NAME.h - the mutants of one header
#
# Prints a row "NUMBER FILE LINE KIND HOW<TAB>NEW LINE" for each, numbered from N. Comments, preprocessor lines, declarations and
# what only BPF sees are left alone, and so are the checks that only the verifier needs: in a test no table has a hole.
# HOW is `switched` where FILE, the header with all of them in it, has the mutant when espial_mutant is its number; `alone` where a
# line cannot be written so, and the mutant is compiled by itself.

function mutant(kind, text)
{
	if (text == $0)
		return
	kinds[++n] = kind
	texts[n] = text
}

# The whole condition of an if on this line, or ""
function condition(text)
{
	if (text !~ /^\t+if \(.*\)( \{)?$/ || !balanced(text))
		return ""
	sub(/^\t+if \(/, "", text)
	sub(/\)( \{)?$/, "", text)
	return text
}

function balanced(text, open, close_)
{
	open = gsub(/\(/, "(", text)
	close_ = gsub(/\)/, ")", text)
	return open == close_
}

function is_statement(text)
{
	return text ~ /;$/ && balanced(text) && before_text ~ /([;{}:)]|else|^)$/ &&
		text !~ /^\t+(const |static |struct |enum |__[usb]|int |unsigned |long |void |for )/
}

# The line with all of its mutants in it
function write_line(i, how, line, text)
{
	text = condition($0)
	how = "alone"
	if (n && text != "") {
		line = "!!(" text ")"
		how = "switched"
		for (i = n; i >= 1; i--) {
			text = condition(texts[i])
			line = "espial_mutant == " from + i - 1 " ? !!(" text ") : " line
		}
		line = "if (" line ")" ($0 ~ /\{$/ ? " {" : "")
	} else if (n && is_statement($0)) {
		how = "switched"
		line = "{ " $0 " }"
		for (i = n; i >= 1; i--)
			line = "if (espial_mutant == " from + i - 1 ") { " texts[i] " } else " line
		line = "{ " line " }"
	} else {
		line = $0
	}
	print line >switched
	for (i = 1; i <= n; i++)
		print from + i - 1, file, FNR, kinds[i], how "\t" texts[i]
	from += n
}

function find_mutants(drop, text, guarded)
{
	drop = $0
	sub(/[^\t].*/, "(void)0;", drop)
	guarded = guard
	guard = 0
	if (/^\t+[^;]*(\+\+|\+=)[^;]*;$/ && !/for \(/ || /^\t+ESP_(ADD|SUB)\(.*;$/) {
		mutant("drop", drop)
		return
	}
	if (sample)
		return
	if (/^\t+([a-z_>.*\[\]-]+(->|\.)[a-z_\[\]>.-]+|[a-z]+) [|&]?= [^;]*;$/ ||
	    /^\t+(\(void\))?(ESP_WRITE|ESP_XCHG|esp_[a-z_]+)\([^;]*\);$/ && !/esp_unlock|ESP_WAYS/)
		mutant("drop", drop)
	if (/^\t+if \(.*\)( \{)?$/) {
		text = $0
		sub(/if \(/, "if (!(", text)
		if (!sub(/\) \{$/, ")) {", text))
			text = text ")"
		if (!/!at|!key|!rare|!cpu|!lane|!sa\b|!sa /)
			mutant("negate", text)
		if (/!([a-z]+[.])?(at|t|p|c|s|w|r|cpu|lane|rare|sa|set|bucket|known|lock|victim|plan|home)[ )]/)
			guard = 1
	}
	if (/^\t\t+(return [^;]*|continue|break|goto [a-z]+);$/ && !guarded)
		mutant("jump", drop)
	if (/^\t+return 0;$/ && !guarded)
		mutant("return", change("0", "1"))
	if (/^\t+return 1;$/ && !guarded)
		mutant("return", change("1", "0"))
	if (/ <= /)
		mutant("less", change(" <= ", " < "))
	else if (/ < / && !/for \(/)
		mutant("less", change(" < ", " <= "))
	if (/ >= /)
		mutant("greater", change(" >= ", " > "))
	else if (/ > / && !/->.* > /)
		mutant("greater", change(" > ", " >= "))
	if (!/^\t+if \((![a-z_]+( [|][|] )?)+\)( \{)?$/)
		mutant("or", change(" [|][|] ", " \\&\\& "))
	mutant("and", change(" && ", " || "))
	if (/ - 1[^0-9]/)
		mutant("constant", change(" - 1", " - 0"))
	if (/ \+ 1[^0-9]/)
		mutant("constant", change(" [+] 1", " + 0"))
}

function change(what, by, text)
{
	text = $0
	sub(what, by, text)
	return text
}

{
	n = 0
}
/^#if.*defined\(__bpf__\)|^#ifdef __bpf__/ {
	bpf = 1
}
/^#else|^#endif/ {
	bpf = 0
}
/\/\*/ && !/\*\// {
	comment = 1
}
!comment && !bpf && /^\t/ && !/^[ \t]*(#|\/\*|\*)/ {
	find_mutants()
}
{
	write_line()
	if (!comment && $0 !~ /^[ \t]*$/) {
		before_text = $0
		sub(/[ \t]*\/\*.*\*\/[ \t]*$/, "", before_text)
		if (before_text ~ /^[ \t]*$/)
			before_text = ";"
	}
	if (comment)
		before_text = ";"
}
/\*\// {
	comment = 0
}
