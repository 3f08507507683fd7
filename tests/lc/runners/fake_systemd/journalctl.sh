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
    esac
done
: >> "$file"
if [ -n "$follow" ]; then
    exec tail -c "+$((offset + 1))" -f "$file"
fi
size=$(stat -c %s "$file")
head -c "$size" "$file"
if [ -n "$cursor" ] && [ "$size" -gt 0 ]; then
    echo "-- cursor: $size"
fi
