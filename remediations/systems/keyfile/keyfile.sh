# shellcheck shell=bash disable=SC2154,SC2329 # called through `begin`; settings precede this text
# Reads the key file of one reader: in whose hands it is, and the fingerprint of the public half of what
# is in it. It follows the functions of hosts/key_file.sh, is nobody's client but of the host itself, and
# changes nothing.

: "${remediate_keyfile_file:=}" "${remediate_keyfile_form:=}" "${remediate_keyfile_unit:=}"
: "${remediate_keyfile_ready:=}"

KEYFILE_STAGED=/var/lib/remediate/keys
KEYFILE_MOST=16 # keys that lie beside

keyfile_rest() {
    begin keyfile_file keyfile_file
    begin keyfile_staged keyfile_staged
    begin keyfile_former keyfile_former
    begin keyfile_unit keyfile_unit
    begin keyfile_ready keyfile_ready
}

keyfile_tools() {
    command -v openssl >/dev/null || { not_read 'openssl is not installed'; return; }
    [[ $remediate_keyfile_form != hex ]] || command -v basenc >/dev/null ||
        { not_read 'basenc (coreutils 8.31) is not installed'; return; }
}

keyfile_file() {
    local file=$remediate_keyfile_file flaw shown
    keyfile_tools || return
    [[ -e $file || -L $file ]] || { printf 'there is no %s\n' "$file" >&2; return 44; }
    flaw=$(keyfile_flaw "$file")
    say flaw "$flaw"
    [[ ! $flaw ]] || return 0
    [[ -r $file ]] || return 13
    shown=$(stat -c '%U %G %a' -- "$file") || return
    say shown "$shown" fingerprint "$(keyfile_fingerprint "$remediate_keyfile_form" "$file")"
}

# keyfile_kept FORM PREFIX FILE…: name and fingerprint of each that is root's alone.
keyfile_kept() {
    local form=$1 prefix=$2 file name
    local -i number=0
    shift 2
    for file; do
        name=${file#"$prefix"}
        [[ $name =~ ^[0-9a-f]{40}$ ]] || continue
        ((number++ < KEYFILE_MOST)) || { not_read "more than $KEYFILE_MOST keys"; return; }
        if [[ ! $(keyfile_flaw "$file") && $(stat -c '%u:%a' -- "$file") == 0:400 ]]; then
            printf 'key %s %s\n' "$name" "$(keyfile_fingerprint "$form" "$file")"
        else
            printf 'key %s \n' "$name"
        fi
    done
}

keyfile_staged() {
    keyfile_tools || return
    [[ ! -d $KEYFILE_STAGED || -r $KEYFILE_STAGED ]] || return 13
    keyfile_kept raw "$KEYFILE_STAGED/" "$KEYFILE_STAGED"/*
}

keyfile_former() {
    local file=$remediate_keyfile_file
    keyfile_tools || return
    [[ -r ${file%/*} ]] || return 13
    keyfile_kept "$remediate_keyfile_form" "${file%/*}/.${file##*/}.remediate-" \
        "${file%/*}/.${file##*/}.remediate-"*
}

keyfile_unit() {
    [[ $remediate_keyfile_unit ]] || { printf 'it reads the file each time\n' >&2; return 44; }
    timeout -s KILL 2 systemctl show --property=LoadState,ActiveState,SubState,InvocationID \
        --property=StateChangeTimestampMonotonic,CanReload -- "$remediate_keyfile_unit"
}

keyfile_ready() {
    case $remediate_keyfile_ready in
        '') printf 'nothing is asked\n' >&2 && return 44 ;;
        http:*) curl -q -sSg --proto =http --noproxy '*' --max-time 2 -o /dev/null -w '%{http_code}\n' \
            --url "$remediate_keyfile_ready" ;;
        *) timeout -s KILL 2 systemctl show --property=ActiveState --value -- "$remediate_keyfile_ready" ;;
    esac
}
