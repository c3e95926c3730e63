# shellcheck shell=sh
# The file from which a scoring service takes its environment: whether it is root's alone, whether the
# unit takes it, and what stands in it of a declared name. Part of a reading (bash) and of the program
# that writes the file (sh). Nothing of another name is ever printed.

# scorer_env_open_to FILE: why somebody else than root may change it; nothing where it is root's alone.
scorer_env_open_to() {
    if [ ! -e "$1" ] && [ ! -L "$1" ]; then
        echo 'it is not there'
        return 0
    fi
    case $(stat -c '%F %u' -- "$1") in
        'regular file 0' | 'regular empty file 0') ;;
        'regular '*) echo 'it is not of root' && return 0 ;;
        *) echo 'it is no regular file' && return 0 ;;
    esac
    if [ -n "$(find "$1" -maxdepth 0 -perm /022)" ]; then
        echo 'others may write to it'
        return 0
    fi
    if [ "$(stat -c %s -- "$1")" -gt 65536 ]; then
        echo 'it has more than 64 KiB'
        return 0
    fi
    scorer_env_above=${1%/*}
    # In a directory with the sticky bit nobody else renames what is root's: true of all but the last.
    scorer_env_sticky=-7777
    while [ -n "$scorer_env_above" ]; do
        if [ "$(stat -c '%F %u' -- "$scorer_env_above")" != 'directory 0' ]; then
            echo "$scorer_env_above is no directory of root" && return 0
        fi
        if [ -n "$(find "$scorer_env_above" -maxdepth 0 -perm /022 ! -perm "$scorer_env_sticky")" ]; then
            echo "others may write to $scorer_env_above" && return 0
        fi
        scorer_env_above=${scorer_env_above%/*} scorer_env_sticky=-1000
    done
}

# scorer_env_show UNIT PROPERTY
scorer_env_show() { timeout -s KILL 5 systemctl show --property="$2" -- "$1"; }

# scorer_env_taken UNIT FILE: how the unit takes it; nothing where it does not, or another one decides.
scorer_env_taken() {
    scorer_env_last=$(scorer_env_show "$1" ExecStart | grep -oE -e ' --env-file[= ][^ ;]+' |
        tail -n 1 | sed 's/^.*[= ]//') || :
    if [ -n "$scorer_env_last" ]; then
        [ "$scorer_env_last" != "$2" ] || echo --env-file
        return 0
    fi
    scorer_env_last=$(scorer_env_show "$1" EnvironmentFiles | tail -n 1 |
        sed 's/^EnvironmentFiles=-*//; s/ (ignore_errors=[a-z]*)$//') || :
    [ "$scorer_env_last" != "$2" ] || echo EnvironmentFile
}

# scorer_env_decided UNIT TAKEN NAME: why the file does not decide about a name; nothing where it does.
scorer_env_decided() {
    scorer_env_words=$(scorer_env_show "$1" ExecStart | tr ';' ' ' |
        grep -oE -e " (--env|-e)[= ]?$3(=[^ ]*)?( |\$)" | tail -n 1 | sed 's/ *$//; s/^ *//') || :
    case $2/$scorer_env_words in
        --env-file/) ;;
        --env-file/*) echo "the command of the unit sets it" ;;
        EnvironmentFile/*"$3" | EnvironmentFile/*"$3=\$$3" | EnvironmentFile/*"$3=\${$3}") ;;
        EnvironmentFile/) echo "the command of the unit does not give it to the container" ;;
        *) echo "the command of the unit sets it" ;;
    esac
}

# scorer_env_value FILE NAME: "=VALUE" for one plain line NAME=VALUE, nothing for no line. Another form
# of a line ends with status 1, and says which.
scorer_env_value() {
    scorer_env_lines=$(grep -aEc -e "^[[:space:]]*(export[[:space:]]+)?$2[[:space:]]*(=|\$)" "$1") || :
    case $scorer_env_lines in
        0) return 0 ;;
        1) ;;
        *) echo "$scorer_env_lines lines" && return 1 ;;
    esac
    scorer_env_line=$(grep -aE -e "^$2=[A-Za-z0-9_.,:/+=-]{0,128}\$" "$1") || {
        echo 'a line that is not NAME=VALUE of plain characters'
        return 1
    }
    printf '=%s\n' "${scorer_env_line#*=}"
}

# scorer_env_form FILE: why a line may not be what it looks like; nothing where each is.
scorer_env_form() {
    if grep -aqE -e '\\$' "$1"; then
        echo 'a line goes on in the next one'
    elif [ -s "$1" ] && [ -n "$(tail -c 1 "$1")" ]; then
        echo 'its last line does not end'
    fi
}
