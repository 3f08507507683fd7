#!/bin/sh
# journalctl, as far as the systemd runner asks: one file per unit below $1, cursors are byte offsets.
folder=$1
offset=0
for argument in "$@"; do
    case $argument in
        _SYSTEMD_UNIT=*) file=$folder/${argument#*=} ;;
        --after-cursor=*) offset=${argument#*=} ;;
        --show-cursor) cursor=yes ;;
        --follow) follow=yes ;;
        --reverse) reverse=yes ;;
        --lines=*) lines=${argument#*=} ;;
    esac
done
: >> "$file"
if [ -n "$follow" ]; then
    exec tail -c "+$((offset + 1))" -f "$file"
fi
if [ -n "$reverse" ]; then
    # The newest first, as JSON; what is no text is a list of numbers, as in the real one.
    LC_ALL=C awk '
        { at += length($0) + 1; line[NR] = $0; cursor[NR] = at }
        function message(text,   code, index_, list) {
            if (text !~ /[^ -~]/) { gsub(/["\\\\]/, "\\\\&", text); return "\"" text "\"" }
            for (code = 1; code < 256; code++) number[sprintf("%c", code)] = code
            for (index_ = 1; index_ <= length(text); index_++)
                list = list (index_ > 1 ? "," : "") number[substr(text, index_, 1)]
            return "[" list "]"
        }
        END {
            for (n = NR; n > NR - '"$lines"' && n > 0; n--)
                printf "{\"__CURSOR\":\"%d\",\"MESSAGE\":%s}\n", cursor[n], message(line[n])
        }' "$file"
    exit
fi
size=$(stat -c %s "$file")
head -c "$size" "$file"
if [ -n "$cursor" ] && [ "$size" -gt 0 ]; then
    echo "-- cursor: $size"
fi
