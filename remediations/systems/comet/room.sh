# shellcheck shell=bash disable=SC2154,SC2329 # home, as_owner: of discover.sh; called through `begin`
# What takes the room on the file system of data/: read only where little is left. Names, sizes and
# times of files, never what they hold.

ROOM_SECONDS=2 # for walking through the home, and as many for data/
ROOM_ROWS=24 # of each; with names of a hundred characters at most: the section is small

# room: `data DEVICE`, then a row for each entry of the home and of data/, which may be elsewhere:
#
#   home|data TYPE DEVICE INODE MODIFIED BYTES FILES NAME
#   core home|data NAME     it is a core dump
#   whole NAME              databases that were set aside, all of them
#   copy|kept DEVICE INODE MODIFIED BYTES NAME   of the files that steps keep by their hash
#   journal DEVICE BYTES ARCHIVED
#   cut home|data           not all of it was walked through in time
room() {
    local where=$home/data
    [[ -d $where ]] || where=$home
    little_room "$where" || return 0
    timeout -s KILL 1 stat -L -c 'data %d' -- "$where" || return
    (cd -P -- "$home/" && entries home -path ./data -prune -o)
    (cd -P -- "$home/data/" && entries data && set_aside)
    kept_files
    journal_room
}

# little_room DIRECTORY: less than 512 MiB, a twentieth, or 2000 inodes are free.
little_room() {
    local free size inodes all
    read -r free size inodes all < <(timeout -s KILL 2 df -B1 --output=avail,size,iavail,itotal "$1" |
        tail -n 1)
    [[ $free =~ ^[0-9]+$ && $size =~ ^[0-9]+$ ]] || return 1
    ((free < 536870912 || free * 20 < size)) || [[ $all != [0-] && $inodes =~ ^[0-9]{1,3}$ ]]
}

# entries LABEL EXPRESSION…: of the directory that one is in.
entries() {
    local label=$1 file kind ended
    shift
    nice timeout -s KILL "$ROOM_SECONDS" find . -xdev -ignore_readdir_race -mindepth 1 "$@" \
        -printf '%d %y %D %i %T@ %b %n %P\0' | tr '\n\0' '?\n' | awk -v label="$label" '{
            name = $0
            for (i = 0; i < 7; i++) name = substr(name, index(name, " ") + 1)
            if (at = index(name, "/")) name = substr(name, 1, at - 1)
            bytes[name] += $6 * 512 / ($2 == "f" && $7 > 1 ? $7 : 1)
            files[name]++
            if ($1 == 1) { split($5, time, "."); head[name] = $2 " " $3 " " $4 " " time[1] }
        } END {
            for (name in head)
                printf "%s %s %.0f %d %s\n", label, head[name], bytes[name], files[name], substr(name, 1, 100)
        }' | sort -k 6,6nr | head -n "$ROOM_ROWS"
    ended=${PIPESTATUS[0]}
    ((ended < 124)) || printf 'cut %s\n' "$label"
    for file in core core.*; do
        [[ -f $file && ! -L $file && $file =~ ^[A-Za-z0-9_.-]+$ ]] || continue
        kind=$(timeout -s KILL 1 "${as_owner[@]}" head -c 18 -- "./$file" | od -An -v -tx1 | tr -d ' \n')
        [[ ! $kind =~ ^7f454c46.{24}(0400|0004)$ ]] || printf 'core %s %s\n' "$label" "$file"
    done | head -n 20
    return 0
}

# set_aside: the databases that a rebuild moved aside, if all of them are there (copy_programs.py).
set_aside() {
    local aside
    for aside in remediate-replaced-*; do
        [[ ! -e $aside/.all || ! $aside =~ ^remediate-replaced-[0-9a-f]{12}$ ]] ||
            printf 'whole %s\n' "$aside"
    done | head -n 20
}

kept_files() {
    local device inode at bytes name what
    ((EUID == 0)) || return 0
    while read -r device inode at bytes name; do
        what=kept
        [[ $(head -c 5 "/var/lib/remediate/files/$name") != about ]] || what=copy
        printf '%s %s %s %s %s %s\n' "$what" "$device" "$inode" "${at%.*}" $((bytes * 512)) "$name"
    done < <(timeout -s KILL 1 find /var/lib/remediate/files -maxdepth 1 -type f \
        -regextype posix-extended -regex '.*/[0-9a-f]{64}' -printf '%D %i %T@ %b %f\n' 2>/dev/null |
        head -n 20)
}

# journal_room: of the journal on disk; that in /run is in memory.
journal_room() {
    timeout -s KILL 1 find /var/log/journal -xdev -type f -printf '%D %b %f\n' 2>/dev/null | awk '{
        device = $1; all += $2
        if ($3 ~ /@/) archived += $2
    } END { if (all) printf "journal %s %.0f %.0f\n", device, all * 512, archived * 512 }'
}
