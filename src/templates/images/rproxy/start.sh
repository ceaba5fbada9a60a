#!/bin/sh
# start.sh TEMPLATE HOSTS: runs nginx with the configuration filled in for this task. HOST and PORT say where to listen;
# NAMESPACE and the task's hosts file, in which Service Connect's names are, where the services are.
set -eu
template=$1 hosts=$2

say() {
  printf '{"level":"%s","service":"rproxy","msg":"%s"}\n' "$1" "$2" >&2
}

if ! command -v nginx >/dev/null; then
  say error 'nginx is not on this machine: install it, or use routing: direct'
  exit 127
fi

# Of a name's addresses, IPv4 first: Service Connect names both, and not every network has IPv6.
address_of() {
  awk -v name="$1" '
    { for (i = 2; i <= NF; i++) if ($i == name) { if ($1 ~ /:/) six = "[" $1 "]"; else if (!four) four = $1 } }
    END { print four ? four : six }' "$hosts"
}

fill="s|\${LISTEN}|${HOST:-0.0.0.0}:${PORT:-8080}|"
while read -r _ _ variable alias port; do
  name="$alias.$NAMESPACE.sc"
  address=$(address_of "$name")
  if [ -z "$address" ]; then
    say warn "$name is not known to this task; its routes answer 503"
    # Where nobody listens.
    address=127.0.0.1 port=9
  fi
  fill="$fill;s|\${$variable}|$address:$port|"
done <<UPSTREAMS
$(grep '^# upstream ' "$template")
UPSTREAMS

directory=$(mktemp -d)
{
  # nginx would give its workers to another user, who can't enter the directory.
  if [ "$(id -u)" = 0 ]; then echo "user $(id -un) $(id -gn);"; fi
  sed "$fill" "$template"
} >"$directory/nginx.conf"
exec nginx -p "$directory/" -c "$directory/nginx.conf"
