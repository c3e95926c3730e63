"""How the daemon's own program is run: which one, and in what surroundings. Text only."""

from __future__ import annotations

# The program of a wrapper is the one that the wrapper would start.
PROGRAM = r"""
program_found() {
  command=$(show ExecStart)
  case $command in
    *db_backend* | *app-db-backend*) refuse "a flag for the databases in $unit" "it in a setting" ;;
  esac
  program=${command#*'{ path='}
  program=${program%%' ; argv[]='*}
  words=${command#*'argv[]='}
  words=${words%%' ; ignore_errors='*}
  if [ "${program##*/}" = cosmovisor ]; then
    program=$(find -L "$home/cosmovisor/current/bin" -maxdepth 1 -type f 2>/dev/null)
  else
    before=
    for word in $words; do
      if [ "$word" = start ] && [ -n "$before" ]; then program=$before; fi
      case $word in /*) before=$word ;; *) before= ;; esac
    done
  fi
  case $program in
    /*[!A-Za-z0-9_.@+:,=/-]* | [!/]* | '') refuse "${program:-no program} in $unit" "one program" ;;
  esac
  [ -x "$program" ] || refuse "$program, which cannot be run" "the program of $unit"
}
"""
"""Sets `program`, and `words`, the unit's command line."""

SAID_BYTES = 4096
"""What is kept of what a program prints: the end of it."""

# It ends with the unit of this step, if there is one.
_SURROUNDINGS = r"""
in_surroundings() {
  for name in Environment WorkingDirectory LimitNOFILE; do
    value=$(systemctl show -p "$name" --value "$unit") || refuse "no $name of $unit" "its value"
    [ -z "$value" ] || set -- -p "$name=$value" "$@"
  done
  files=$(systemctl show -p EnvironmentFiles --value "$unit")
  while IFS= read -r file; do
    case $file in
      '') ;;
      /*' (ignore_errors=yes)') set -- -p "EnvironmentFile=-${file% (*}" "$@" ;;
      /*' (ignore_errors=no)') set -- -p "EnvironmentFile=${file% (*}" "$@" ;;
      *) refuse "an EnvironmentFile $file" "a path" ;;
    esac
  done <<END
$files
END
  own=$(sed -n 's/.*[/]\([^/]*[.]service\)$/\1/p' /proc/self/cgroup | head -n 1)
  [ -z "$own" ] || set -- -p "BindsTo=$own" "$@"
  acted=yes
  said=$({
    systemd-run --quiet --wait --pipe --collect -p "RuntimeMaxSec=$run_limit" "$@" 2>&1 || :
  } </dev/null | tail -c SAID_BYTES | tr -d '\000')
}
"""


def surroundings(said_bytes: int = SAID_BYTES) -> str:
    """`in_surroundings OPTION… -- COMMAND…`: in a transient unit with the environment and limits of
    `unit`, for at most `run_limit` seconds; sets `said` to the end of what it printed, at most
    `said_bytes`. The environment of a unit is no secret: systemd shows it to everybody."""
    return _SURROUNDINGS.replace("SAID_BYTES", str(said_bytes))


SURROUNDINGS = surroundings()
"""The same, for programs that print a few lines."""
