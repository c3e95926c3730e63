# Keeps files on this host by the SHA-256 of their content, for steps that are approved later. Nothing
# that runs is changed.
#
#   begin SHA256 BYTES TOKEN     there | ready      removes what was left half sent
#   append SHA256 OFFSET TOKEN   ready              the bytes from OFFSET on, on standard input
#   finish SHA256 BYTES TOKEN    there              the file has its name from here on
#   size SHA256 0 TOKEN          BYTES              of a file that is kept, whose hash is computed anew
#   read SHA256 OFFSET TOKEN     its bytes from OFFSET on, at most 4 MiB
#
# Exit status: 64 wrong number of arguments, 65 a bad argument, 66 bytes of another hash, 73 no such file,
# 74 what was sent so far is gone, 75 there is not enough room, 77 others than root can change the files.
#
# A file that is being sent is SHA256.TOKEN.part; nobody takes that for a file. Sending begins by
# removing all such parts, also those of somebody who sends at the same time: they are told (74).
# It follows root_only.sh.
set -eu
umask 077
LC_ALL=C
PATH=/usr/sbin:/usr/bin:/sbin:/bin
export LC_ALL PATH
base=/var/lib/remediate
files=$base/files
spare=65536 # KiB that stay free
limit=4194304 # bytes that are read at once
got=unreadable

is_number() { # WORD
  case $1 in '' | 0?* | *[!0-9]*) return 1 ;; esac
  [ "${#1}" -le 12 ]
}

has_hash() { # FILE
  [ -f "$1" ] && [ ! -L "$1" ] || return 1
  got=$(sha256sum <"$1")
  [ "${got%% *}" = "$sha256" ]
}

begin() {
  mkdir -p "$files"
  only_ours "$files"
  rm -f "$files"/*.part
  if has_hash "$files/$sha256"; then
    chmod 755 "$files/$sha256"
    echo there
    exit 0
  fi
  free=$(df -k --output=avail "$files" | tail -n 1 | tr -d ' ')
  is_number "$free" || refuse 75 "free space that cannot be read"
  needed=$((number / 1024 + 1 + spare))
  [ "$free" -ge "$needed" ] || refuse 75 "$free KiB free of $needed KiB below $files"
  true >"$part"
  sync "$files" "$base" "${base%/*}"
  echo ready
}

append() {
  size=$(stat -c %s "$part" 2>/dev/null) || refuse 74 "somebody else began to send files meanwhile"
  [ "$size" -ge "$number" ] || refuse 74 "$size bytes have arrived, expected $number"
  truncate -s "$number" "$part" # a part of this may have come before a connection was lost
  cat >>"$part"
  echo ready
}

finish() {
  [ -f "$part" ] || refuse 74 "somebody else began to send files meanwhile"
  if ! has_hash "$part"; then
    rm -f "$part"
    refuse 66 "what arrived has the SHA-256 $got"
  fi
  chmod 755 "$part"
  sync "$part"
  mv "$part" "$files/$sha256"
  sync "$files"
  echo there
}

size() {
  [ -e "$files/$sha256" ] || refuse 73 "no file $files/$sha256"
  has_hash "$files/$sha256" || refuse 66 "$files/$sha256 has the SHA-256 ${got%% *}"
  stat -c %s "$files/$sha256"
}

read_part() {
  [ -f "$files/$sha256" ] && [ ! -L "$files/$sha256" ] || refuse 73 "no file $files/$sha256"
  dd if="$files/$sha256" bs="$limit" count="$limit" skip="$number" \
    iflag=skip_bytes,count_bytes,fullblock status=none
}

verb=${1-}
case $verb/$# in
  begin/4 | append/4 | finish/4 | size/4 | read/4) ;;
  *) refuse 64 "bad verb or number of arguments" ;;
esac
sha256=$2 number=$3
is_hex "$sha256" 64 || refuse 65 "bad hash"
is_number "$number" || refuse 65 "bad number"
is_hex "$4" 16 || refuse 65 "bad token"
part=$files/$sha256.$4.part

cd /
[ ! -d "$files" ] || only_ours "$files"
case $verb in
  begin) begin ;;
  append) append ;;
  finish) finish ;;
  size) size ;;
  read) read_part ;;
esac
