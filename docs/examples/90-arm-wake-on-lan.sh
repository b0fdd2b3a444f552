#!/bin/sh
#
# --- Start MAAS 1.0 script metadata ---
# name: 90-arm-wake-on-lan
# title: Arm Wake-on-LAN
# description: Arms Wake-on-LAN by magic packet on every wired interface that supports it
# script_type: commissioning
# tags: wake-on-lan
# parallel: disabled
# timeout: 00:05:00
# packages: {apt: ethtool}
# --- End MAAS 1.0 script metadata ---
#
# The card keeps what it is told here when MAAS halts the machine at the end of commissioning, so that a magic packet can
# wake it for its deployment. The system that MAAS deploys starts anew, and has a mind of its own about it:
# docs/bios.md tells what to do there.
#
# It may run as often as you like. It ends with 0 where all that can be armed is, also where nothing can; else with 1.
set -u

net=${SYS_CLASS_NET:-/sys/class/net}
armed=0
failed=0
seen=0

if ! command -v ethtool > /dev/null; then
  echo "ethtool is not installed, so nothing was armed. MAAS installs it where the metadata of this script are kept."
  exit 1
fi

# Commissioning scripts run as root; by hand sudo is needed.
as_root() {
  if [ "$(id -u)" -eq 0 ]; then "$@"; else sudo -n "$@"; fi
}

# Of `ethtool NAME`: the letters behind "Supports Wake-on:" or "Wake-on:".
letters() {
  as_root ethtool "$2" 2> /dev/null | sed -n "s/^[[:space:]]*$1:[[:space:]]*//p"
}

has_g() {
  case $1 in *g*) return 0 ;; *) return 1 ;; esac
}

for path in "$net"/*; do
  name=${path##*/}
  # Bridges, bonds and VLANs have no device of their own; type 1 is Ethernet; radio is woken in other ways.
  [ -e "$path/device" ] || continue
  [ "$(cat "$path/type" 2> /dev/null)" = 1 ] || continue
  if [ -e "$path/wireless" ] || [ -e "$path/phy80211" ]; then continue; fi
  seen=$((seen + 1))
  what="$name ($(cat "$path/address" 2> /dev/null))"

  if ! has_g "$(letters "Supports Wake-on" "$name")"; then
    echo "$what: cannot be woken by a magic packet"
  elif has_g "$(letters "Wake-on" "$name")"; then
    echo "$what: was armed already"
    armed=$((armed + 1))
  elif message=$(as_root ethtool -s "$name" wol g 2>&1) && has_g "$(letters "Wake-on" "$name")"; then
    echo "$what: is armed now"
    armed=$((armed + 1))
  else
    echo "$what: says that it supports it, and could not be armed${message:+: $message}"
    failed=$((failed + 1))
  fi
done

if [ "$seen" -eq 0 ]; then
  echo "There is no wired interface here; nothing was armed."
elif [ "$armed" -eq 0 ] && [ "$failed" -eq 0 ]; then
  echo "No wired interface supports Wake-on-LAN, or the firmware has switched it off; nothing was armed."
else
  echo "Armed: $armed of $seen wired interfaces."
fi
[ "$failed" -eq 0 ]
