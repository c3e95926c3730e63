# shellcheck shell=bash disable=SC2329,SC2154 # called through `begin`; unit, home, state_file: probe.sh
# What starts by the clock on this host and names the daemon: systemd's timers, crontabs of root and of
# the service user, at. A job may be a script, so those are looked into, one level deep. A line of a
# job may hold a password: only what is needed of it leaves the host.

JOB_TIMERS=60
JOB_SCRIPTS=200
JOB_TABLE=65536  # bytes of a crontab, as many as `take` takes
JOB_SCRIPT=512   # blocks of 512 bytes; what is larger is taken for a program
JOB_LINE=4000    # characters; of a longer line nobody knows what it does
own_us[jobs]=9000000

# Between slashes, so that none of them looks like a program that is started here.
JOB_WORDS=/cp/mv/rsync/install/scp/ln/dd/tee/tar/unzip/truncate/shred/rm/sed/du/df/ls/cat/head/tail/wc
JOB_WORDS+=/stat/sha256sum/md5sum/grep/jq/of/systemctl/service/start/stop/restart/try-restart
JOB_WORDS+=/reload-or-restart/try-reload-or-restart/condrestart/kill/pkill/killall/run/cosmovisor/rollback
JOB_WORDS+=/unsafe-reset-all/reset-state/snapshots/export/prune/status/query/q/tx/version/keys/-t
JOB_WORDS+=/--target-directory/-i/--in-place/--extract/

# jobs: for each line of a job that names the unit, the home, the sign state or the daemon's program
#
#   KIND JOB FILE NUMBER WORDS   timer, cron or at; the timer or crontab; where the line stands
jobs() {
    local taken status many=
    local -A runs=() # script → kind and job
    ((EUID == 0)) || return 13
    timer_jobs && cron_jobs && script_jobs
}

# timer_jobs: the active timers and what their services run. One that starts the daemon's own unit is a
# job, whatever that unit runs.
timer_jobs() {
    local line id='' service='' state=''
    local -a commands=()
    local -A timers=()
    take systemd show --property=Id,Unit,ActiveState -- '*.timer'
    ((status == 0)) || not_read 'the timers cannot be listed' || return
    while IFS= read -r line; do
        case $line in
            Id=*.timer) id=${line#Id=} ;;
            Unit=*) service=${line#Unit=} ;;
            ActiveState=*) state=${line#ActiveState=} ;;
            '')
                [[ $state != active || ! $id || ! $service ]] || timers[$service]=$id
                id='' service='' state=''
                ;;
        esac
    done < <(printf '%s\n\n' "$taken")
    ((${#timers[@]} <= JOB_TIMERS)) || not_read "more than $JOB_TIMERS timers" || return
    [[ ! ${timers[$unit]:-} ]] || printf 'timer %s %s 0 start %s\n' "${timers[$unit]}" "$unit" "$unit"
    unset "timers[$unit]"
    ((${#timers[@]})) || return 0
    take systemd show --property=Id,ExecStartPre,ExecStart,ExecStartPost,ExecStop,ExecStopPost \
        -- "${!timers[@]}"
    ((status == 0)) || not_read 'what the timers start cannot be read' || return
    while IFS= read -r line; do
        case $line in
            Id=*) service=${line#Id=} ;;
            Exec*argv\[\]=*)
                line=${line#*'argv[]='}
                commands+=("${line%%' ; ignore_errors='*}")
                ;;
            '')
                for line in "${commands[@]}"; do
                    found_job timer "${timers[$service]:-?}" "$service" 0 "$line"
                    named_scripts timer "${timers[$service]:-?}" "$line"
                done
                service='' commands=()
                ;;
        esac
    done < <(printf '%s\n\n' "$taken")
}

# cron_jobs: the tables of the whole host, of root and of the service user, and what waits for `at`.
cron_jobs() {
    local user file line number kind size
    property User
    user=${value:-root}
    local -a tables=(/etc/crontab /etc/anacrontab /etc/cron.d/* /var/spool/cron/{crontabs/,}root
        /var/spool/cron/atjobs/[a-z=]* /var/spool/at/[a-z=]*)
    [[ $user == root || ! $user =~ ^[A-Za-z0-9_.-]+$ ]] ||
        tables+=(/var/spool/cron/{crontabs/,}"$user")
    for file in /etc/cron.{hourly,daily,weekly,monthly}/*; do
        [[ ! -f $file || ! -x $file ]] || runs[$file]="cron ${file%/*}"
    done
    for file in "${tables[@]}"; do
        [[ -f $file ]] || continue
        kind=cron
        [[ $file != */at*/* ]] || kind=at
        [[ $file =~ ^[A-Za-z0-9_./@=+-]+$ ]] || continue # cron does not read it either
        size=$(timeout -s KILL 1 stat -L -c %s -- "$file") || not_read "$file cannot be looked at" || return
        ((size <= JOB_TABLE)) || not_read "$file is too large" || return
        take timeout -s KILL 1 cat -- "$file"
        ((status == 0)) || not_read "$file cannot be read" || return
        number=0
        while IFS= read -r -n $((JOB_LINE + 1)) line || [[ $line ]]; do
            number=$((number + 1))
            [[ ! $line =~ ^[[:space:]]*(#|$) ]] || continue
            found_job $kind "$file" "$file" $number "$line"
            named_scripts $kind "$file" "$line"
        done < <(printf '%s\n' "$taken")
    done
}

# named_scripts KIND JOB LINE: notes the files that a line names: some may be scripts.
named_scripts() {
    local word
    local -a parts=()
    read -ra parts < <(printf '%s\n' "${3//[\"\'\`;|&<>()=]/ }")
    for word in "${parts[@]}"; do
        [[ $word =~ ^/[A-Za-z0-9_./@+-]+$ && ! ${runs[$word]:-} ]] || continue
        ((${#runs[@]} < JOB_SCRIPTS)) || { many=yes && return; }
        runs[$word]="$1 $2"
    done
}

# script_jobs: the lines of those that are text. What a crontab of the service user leads to is read
# with no more rights than that has.
script_jobs() {
    [[ ! $many ]] || not_read "jobs name more than $JOB_SCRIPTS files" || return
    script_lines root && script_lines user
}

# What was cut off by its time has no last record, or another one: then nobody knows what else there is.
script_lines() {
    local found number line script ended=
    local -a rights=() scripts=()
    [[ $1 == root ]] || rights=("${as_owner[@]}")
    for script in "${!runs[@]}"; do
        [[ ${runs[$script]} == *" /var/spool/cron/"* && ${runs[$script]} != */root && ${as_owner[*]} ]] &&
            found=user || found=root
        [[ $found != "$1" ]] || scripts+=("$script")
    done
    ((${#scripts[@]})) || return 0
    while IFS= read -r -d '' script && IFS= read -r line; do
        [[ $script ]] || { ended=$line && continue; }
        number=${line%%:*} line=${line#*:}
        # shellcheck disable=SC2086 # the kind and the job
        [[ $line =~ ^[[:space:]]*(#|$) ]] || found_job ${runs[$script]} "$script" "$number" "$line"
    done < <(timeout -s KILL 3 "${rights[@]}" find -L "${scripts[@]}" -maxdepth 0 -type f \
        -size "-${JOB_SCRIPT}b" -print0 2>/dev/null |
        timeout -s KILL 3 "${rights[@]}" xargs -0 -r grep -nIsFZH -D skip -e "${unit%.service}" -e "$home" \
            -e "${state_file##*/}" -e "$remediate_daemon" -- 2>/dev/null
        printf '\0%s\n' "${PIPESTATUS[*]}")
    # find says 1 where a word is no file, and xargs 123 where a grep found nothing.
    [[ $ended =~ ^[01]\ (0|123)$ ]] || not_read 'the scripts that jobs call were not read to their end'
}

# found_job KIND JOB FILE NUMBER LINE: prints it, if the line names the daemon.
found_job() {
    local said
    needed_of "$5"
    [[ ! $said ]] || printf '%s %s %s %s %s\n' "$1" "$2" "$3" "$4" "$said"
}

# needed_of LINE: sets said to its known words, its operators and the names of the daemon's; `/…` is
# a path elsewhere, `-…` an option, `…` anything else. Nothing, if the line does not name the daemon.
needed_of() {
    local word operator line=$1 named='' state=${state_file##*/} stem=${unit%.service}
    local -a parts=()
    said=
    [[ $line == *"$stem"* || $line == *"$home"* || $line == *"${state:-$home}"* ||
        $line == *"$remediate_daemon"* ]] || return 0
    line=${line//[\"\'\`\$\{\}\\]/ }
    line=${line// [0-9]>/ >}
    for operator in ';' '|' '&' '<' '>' '(' ')' '='; do line=${line//"$operator"/ "$operator" }; done
    read -ra parts < <(printf '%s\n' "${line:0:JOB_LINE}")
    for word in "${parts[@]}"; do
        word=${word#:-}
        case $word in
            ';' | '|' | '&' | '<' | '>' | '(' | ')' | '=') said+=" $word" ;;
            "$unit" | "$stem") said+=" $word" named=yes ;;
            "$home" | "$home"/*) named=yes && kept_word "$word" ;;
            *"${state:-$home/}"*) named=yes && kept_word "$word" ;;
            "$remediate_daemon"* | */"$remediate_daemon"*) named=yes && kept_word "$word" ;;
            [0-9*/,-]*[0-9*/,-]) said+=' …' ;; # when, of a crontab
            /*)
                if [[ $JOB_WORDS == *"/${word##*/}/"* ]]; then
                    said+=" ${word##*/}"
                elif [[ -f $word && -x $word ]]; then
                    kept_word "$word"
                else
                    said+=' /…'
                fi
                ;;
            *) other_word "$word" ;;
        esac
    done
    ((${#line} <= JOB_LINE)) || said+=' ?'
    said=${said# }
    [[ $named ]] || said=
}

kept_word() {
    if [[ $1 =~ ^[A-Za-z0-9_./@:+,*?~-]{1,300}$ ]]; then said+=" $1"; else said+=' ?'; fi
}

other_word() {
    if [[ $JOB_WORDS == *"/$1/"* ]]; then
        said+=" $1"
    elif [[ $said == *' '[t]ar* && $1 =~ ^-?[cxtrzjJvfpPkmhaSOA]{1,8}$ ]]; then
        said+=" $1"
    elif [[ $1 =~ ^[A-Za-z0-9@._-]+:/ ]]; then
        said+=' /…'
    elif [[ $1 == -* ]]; then
        said+=' -…'
    else
        said+=' …'
    fi
}
