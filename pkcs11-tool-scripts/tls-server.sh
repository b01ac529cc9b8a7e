#!/usr/bin/env bash
# TLS servers whose keys lie in the token: openssl s_server, and nginx with several workers, which fork.
source "$(dirname "$0")/common.sh"
source "$(dirname "$0")/openssl.sh"
nginx=$(PATH=$PATH:/usr/sbin command -v nginx) || fail "nginx is missing: run make install"

# free_port: a port of loopback that nobody listens on.
free_port() {
    local port
    while port=$((20000 + RANDOM % 20000)); do
        (: </dev/tcp/127.0.0.1/$port) 2>/dev/null || break
    done
    echo "$port"
}

# answers PORT: waits until the server there takes connections.
answers() {
    for _ in {1..200}; do
        (: </dev/tcp/127.0.0.1/"$1") 2>/dev/null && return
        sleep 0.05
    done
    fail "nobody listens: $(cat "$work"/*.log)"
}

# request PORT KEY OPTION...: one TLS connection that checks the server's certificate, and what came back.
request() {
    local port=$1 key=$2
    shift 2
    printf 'GET /status HTTP/1.0\r\nHost: localhost\r\n\r\n' |
        openssl s_client -connect "127.0.0.1:$port" -servername localhost -verify_return_error \
            -verify_hostname localhost -CAfile "$work/$key.pem" -quiet "$@" 2>>"$work/client.log"
}

say "A token with the servers' keys"
new_token
for key in rsa:rsa:2048:01 ec:EC:prime256v1:02; do
    IFS=: read -r name type size id <<<"$key"
    key_pair "$name" "$type:$size" "$id"
    certificate "$name"
done

say "openssl s_server"
for key in rsa ec; do
    port=$(free_port)
    OPENSSL_CONF=$work/openssl.cnf openssl s_server -engine pkcs11 -keyform engine -key "$(uri "$key")" -cert "$work/$key.pem" -www \
        -accept "127.0.0.1:$port" >"$work/server.log" 2>&1 &
    server=$!
    answers "$port"
    for version in -tls1_2 -tls1_3; do
        request "$port" "$key" "$version" >"$work/page" || fail "no page: $(cat "$work"/*.log)"
        has "HTTP/1.0 200 ok" "$work/page"
        echo "$key $version: $(grep -m 1 -o 'Cipher *: *[A-Za-z0-9_-]*' "$work/page")"
    done
    kill "$server" && wait "$server" 2>/dev/null || true
done

say "nginx: a master that reads the keys, four workers that sign with them"
port=$(free_port)
rsa_port=$port
ec_port=$(free_port)
cat >"$work/nginx.conf" <<END
worker_processes 4;
daemon off;
pid $work/nginx.pid;
error_log $work/nginx.log;
ssl_engine pkcs11;
env OPENSSL_CONF;
env VHSM_HOME;
env SOFTHSM2_CONF;
$( ((EUID == 0)) && echo "user root;")
events { worker_connections 64; }
http {
    access_log off;
    client_body_temp_path $work/body;
    proxy_temp_path $work/proxy;
    fastcgi_temp_path $work/fastcgi;
    uwsgi_temp_path $work/uwsgi;
    scgi_temp_path $work/scgi;
    ssl_session_cache off;
    ssl_session_tickets off;
    server {
        listen 127.0.0.1:$rsa_port ssl;
        ssl_certificate $work/rsa.pem;
        ssl_certificate_key "engine:pkcs11:$(uri rsa)";
        location / { return 200 "worker \$pid\n"; }
    }
    server {
        listen 127.0.0.1:$ec_port ssl;
        ssl_certificate $work/ec.pem;
        ssl_certificate_key "engine:pkcs11:$(uri ec)";
        location / { return 200 "worker \$pid\n"; }
    }
}
END
OPENSSL_CONF=$work/openssl.cnf "$nginx" -c "$work/nginx.conf" -p "$work" -e "$work/nginx.log" &
server=$!
trap 'kill "$server" 2>/dev/null || true; wait "$server" 2>/dev/null || true; rm -rf "$work"' EXIT
answers "$rsa_port"
answers "$ec_port"
# page COUNT: so many connections to each server, and the workers that answered.
pages() {
    for _ in $(seq "$1"); do
        for key in rsa ec; do
            port_of=${key}_port
            request "${!port_of}" "$key" >"$work/page" || fail "no page of $key: $(cat "$work"/*.log)"
            has "200 OK" "$work/page"
            grep -o 'worker [0-9]*' "$work/page" >>"$work/workers"
        done
    done
}
pages 20
echo "$(wc -l <"$work/workers") connections, answered by $(sort -u "$work/workers" | wc -l) workers"

say "A worker that dies is replaced by one that signs as well"
doomed=$(sort -u "$work/workers" | head -n 1 | cut -d ' ' -f 2)
kill -KILL "$doomed"
: >"$work/workers"
pages 10
has_not "worker $doomed" "$work/workers"
echo "worker $doomed is gone; $(sort -u "$work/workers" | wc -l) others answered $(wc -l <"$work/workers") connections"

say "A reload: new workers, the same keys"
before=$(sort -u "$work/workers")
kill -HUP "$server"
sleep 1
: >"$work/workers"
pages 10
for worker in ${before//worker /}; do
    has_not "worker $worker" "$work/workers"
done
echo "$(sort -u "$work/workers" | wc -l) new workers answered $(wc -l <"$work/workers") connections"
