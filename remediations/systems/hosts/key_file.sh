# shellcheck shell=sh
# A file with the private half of an X25519 key: in whose hands it is, and which key it has. Part of a
# reading (bash), of programs and of probes (sh). Private bytes go through pipes from one of these programs
# to the next, and into no argument, variable or environment.

# keyfile_open_to FILE: why others than root could put another file there; nothing where nobody can.
keyfile_open_to() {
    keyfile_at=${1%/*}
    if [ "$(cd -P -- "$keyfile_at" 2>/dev/null && pwd -P)" != "$keyfile_at" ]; then
        echo "$keyfile_at is no directory, or a link leads to it"
        return 0
    fi
    while :; do
        case $(stat -c %u:%a -- "${keyfile_at:-/}") in
            0:*[2367] | 0:*[2367]?) echo "others than root may write to ${keyfile_at:-/}" && return 0 ;;
            0:*) ;;
            *) echo "${keyfile_at:-/} does not belong to root" && return 0 ;;
        esac
        [ -n "$keyfile_at" ] || return 0
        keyfile_at=${keyfile_at%/*}
    done
}

# keyfile_flaw FILE: why this is no file whose content one may trust; nothing where it is.
keyfile_flaw() {
    keyfile_why=$(keyfile_open_to "$1")
    if [ -n "$keyfile_why" ]; then
        echo "$keyfile_why"
    elif [ -L "$1" ]; then
        echo 'it is a link'
    elif [ ! -f "$1" ]; then
        echo 'it is no regular file'
    else
        case $(stat -c %h:%a:%s -- "$1") in
            1:*[2367]:* | 1:*[2367]?:*) echo 'others than its owner may write to it' ;;
            1:*:[0-9] | 1:*:[0-9][0-9] | 1:*:[0-9][0-9][0-9] | 1:*:[1-3][0-9][0-9][0-9]) ;;
            1:*) echo 'it has 4000 bytes or more' ;;
            *) echo 'it has another name, too (a hard link)' ;;
        esac
    fi
}

# keyfile_raw FORM: the bytes of the key, from a file of that form on standard input.
keyfile_raw() {
    case $1 in
        raw) cat ;;
        hex) tr -d ' \t\r\n' | tr a-f A-F | basenc --base16 -d ;;
        base64) tr -d ' \t\r\n' | base64 -d ;;
        pem) openssl pkey -passin pass: -outform DER | tail -c 32 ;;
    esac
}

# keyfile_der: the 32 bytes of a key on standard input, as PKCS #8 (RFC 8410).
keyfile_der() { printf '\060\056\002\001\000\060\005\006\003\053\145\156\004\042\004\040' && cat; }

# keyfile_formed FORM: a file of that form, from the 32 bytes of a key on standard input.
keyfile_formed() {
    case $1 in
        raw) cat ;;
        hex) od -An -v -tx1 | tr -d ' \n' ;;
        base64) base64 -w0 ;;
        pem) keyfile_der | openssl pkey -inform DER ;;
    esac
}

# keyfile_fingerprint FORM FILE: how the chain names its key, which is the beginning of the SHA-256 of its
# public half; nothing where it has no key of that form.
keyfile_fingerprint() {
    [ "$(keyfile_raw "$1" <"$2" 2>/dev/null | head -c 33 | wc -c)" -eq 32 ] || return 0
    [ "$1" != pem ] ||
        openssl pkey -passin pass: -noout -text_pub <"$2" 2>/dev/null | grep -q '^X25519 ' || return 0
    keyfile_sum=$(keyfile_raw "$1" <"$2" 2>/dev/null | keyfile_der |
        openssl pkey -inform DER -pubout -outform DER 2>/dev/null | tail -c 32 | sha256sum)
    case $keyfile_sum in e3b0c44298fc1c149afbf4c8996fb92427ae41e4*) return 0 ;; esac # of no bytes at all
    printf '%.40s' "$keyfile_sum"
}
