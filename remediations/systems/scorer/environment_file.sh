# shellcheck shell=sh
# The file from which a scoring service takes its environment: whether it is root's alone, whether the
# unit takes it, and what stands in it of a declared name. Part of a reading (bash) and of the program
# that writes the file (sh). Nothing of another name is ever printed. It starts few programs: a host
# whose service is looked at may be a busy one.

# scorer_env_open_to FILE: why somebody else than root may change it; nothing where it is root's alone.
scorer_env_open_to() {
    scorer_env_path=$1
    set --
    while [ -n "$scorer_env_path" ]; do
        set -- "$@" "$scorer_env_path"
        scorer_env_path=${scorer_env_path%/*}
    done
    if ! scorer_env_modes=$(stat -c '%F:%u:%a:%s' -- "$@" 2>/dev/null); then
        echo 'it is not there'
        return 0
    fi
    scorer_env_place=file
    while IFS=: read -r scorer_env_kind scorer_env_owner scorer_env_mode scorer_env_size; do
        case $scorer_env_place/$scorer_env_kind/$scorer_env_owner in
            'file/regular file/0' | 'file/regular empty file/0') ;;
            'file/regular '*) echo 'it is not of root' && return 0 ;;
            file/*) echo 'it is no regular file' && return 0 ;;
            */directory/0) ;;
            *) echo "$1 is no directory of root" && return 0 ;;
        esac
        # In a directory with the sticky bit nobody else renames what is root's: that does for all but
        # the file's own.
        case $scorer_env_place/$scorer_env_mode in
            file/*[2367] | file/*[2367]?) echo 'others may write to it' && return 0 ;;
            above/[1357]???) ;;
            */*[2367] | */*[2367]?) echo "others may write to $1" && return 0 ;;
        esac
        if [ "$scorer_env_place" = file ] && [ "$scorer_env_size" -gt 65536 ]; then
            echo 'it has more than 64 KiB'
            return 0
        fi
        case $scorer_env_place in file) scorer_env_place=own ;; *) scorer_env_place=above ;; esac
        shift
    done <<END
$scorer_env_modes
END
}

# scorer_env_unit UNIT: sets scorer_env_option and scorer_env_own to the last file that its command and
# the unit itself name, and scorer_env_given to what its command gives to the container.
scorer_env_unit() {
    scorer_env_option='' scorer_env_own='' scorer_env_given='' scorer_env_next=''
    scorer_env_words=$(timeout -s KILL 5 systemctl show --property=ExecStart \
        --property=EnvironmentFiles -- "$1") || return 1
    set -f
    for scorer_env_word in $scorer_env_words; do
        case $scorer_env_next in
            file) scorer_env_option=$scorer_env_word ;;
            name) scorer_env_given="$scorer_env_given $scorer_env_word" ;;
        esac
        case $scorer_env_next in ?*) scorer_env_next='' && continue ;; esac
        case $scorer_env_word in
            EnvironmentFiles=*) scorer_env_own=${scorer_env_word#*=} ;;
            --env-file) scorer_env_next=file ;;
            --env-file=*) scorer_env_option=${scorer_env_word#*=} ;;
            --env | -e) scorer_env_next=name ;;
            --env=* | -e=*) scorer_env_given="$scorer_env_given ${scorer_env_word#*=}" ;;
            -e[A-Z_]*) scorer_env_given="$scorer_env_given ${scorer_env_word#-e}" ;;
        esac
    done
    set +f
}

# scorer_env_taken FILE: how the unit takes it; nothing where it does not, or another one comes last.
scorer_env_taken() {
    case $scorer_env_option/$scorer_env_own in
        "$1/"*) echo --env-file ;;
        "/$1") echo EnvironmentFile ;;
    esac
}

# scorer_env_decided TAKEN NAME: why the file does not decide about a name; nothing where it does.
scorer_env_decided() {
    scorer_env_last=''
    set -f
    for scorer_env_word in $scorer_env_given; do
        case $scorer_env_word in "$2" | "$2="*) scorer_env_last=$scorer_env_word ;; esac
    done
    set +f
    case $1/$scorer_env_last in
        --env-file/) ;;
        EnvironmentFile/"$2" | EnvironmentFile/"$2=\$$2" | EnvironmentFile/"$2=\${$2}") ;;
        EnvironmentFile/) echo "the command of the unit does not give it to the container" ;;
        *) echo "the command of the unit sets it" ;;
    esac
}

# scorer_env_value FILE NAME: "=VALUE" for one plain line NAME=VALUE, nothing for no line. Another form
# of a line ends with status 1, and says which.
scorer_env_value() {
    scorer_env_line=$(grep -aE -e "^[[:space:]]*(export[[:space:]]+)?$2[[:space:]]*(=|\$)" "$1") ||
        return 0
    case $scorer_env_line in
        *'
'*) echo 'more than one line' && return 1 ;;
        *[!A-Za-z0-9_.,:/+=-]*) ;;
        "$2="*)
            scorer_env_line=${scorer_env_line#"$2"}
            if [ "${#scorer_env_line}" -le 129 ]; then
                printf '%s\n' "$scorer_env_line"
                return 0
            fi
            ;;
    esac
    echo 'a line that is not NAME=VALUE of plain characters'
    return 1
}

# scorer_env_form FILE: why a line may not be what it looks like; nothing where each is.
scorer_env_form() {
    if grep -aqE -e '\\$' "$1"; then
        echo 'a line goes on in the next one'
    elif [ -s "$1" ] && [ -n "$(tail -c 1 "$1")" ]; then
        echo 'its last line does not end'
    fi
}
