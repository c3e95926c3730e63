#!/bin/sh
# Answers one request over HTTP, on standard input and output: which canary the reader has opened.
while IFS= read -r line; do
  case $line in '' | "$(printf '\r')") break ;; esac
done
status='503 Service Unavailable' told=none
if systemctl is-active --quiet vault.service && [ -s /run/vault/opened ]; then
  status='200 OK' told=$(cat /run/vault/opened)
fi
printf 'HTTP/1.1 %s\r\nContent-Length: %s\r\nConnection: close\r\n\r\n%s' "$status" "${#told}" "$told"
