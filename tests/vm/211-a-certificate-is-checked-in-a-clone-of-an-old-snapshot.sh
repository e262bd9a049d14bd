# alone: where it may, moves the host's clock by an hour; elsewhere the snapshot ages a quarter
# of a minute.
#
# By the guest's own clock: one that stood still since the snapshot finds a certificate that was
# issued now not valid yet, and one that expired since then still good.
. "$(dirname "$0")/lib.sh"
command -v openssl > /dev/null || skip "no openssl: install openssl"
sh "$(dirname "$0")/openssl-root.sh" "$T/root" > "$T/log" 2>&1 || fail "no root image: $(cat "$T/log")"
status 0 "$SANDBOX" snapshot take --template --root "$T/root" "$T/s"
before=$(date +%s)
if [ -n "${TEST_HOST:-}" ]; then
	date -s "@$((before + 3600))" > /dev/null
	trap 'date -s "@$(($(date +%s) - 3600))" > /dev/null; rm -rf "$T"' EXIT
else
	sleep 15
fi
now=$(date +%s)

key="-newkey ec -pkeyopt ec_paramgen_curve:prime256v1 -nodes"
(
	cd "$T" && : > index && cat > conf <<-END
		[req]
		distinguished_name = name
		[name]
		[ca]
		default_ca = it
		[it]
		database = index
		new_certs_dir = .
		certificate = ca.pem
		private_key = ca.key
		default_md = sha256
		rand_serial = yes
		unique_subject = no
		policy = any
		[any]
		commonName = supplied
	END
	openssl req -config conf -x509 $key -keyout ca.key -out ca.pem -days 1 -subj /CN=ca \
		-addext basicConstraints=critical,CA:TRUE
	openssl req -config conf $key -keyout leaf.key -out leaf.csr -subj /CN=leaf
) > "$T/log" 2>&1 || fail "no certificate authority: $(cat "$T/log")"

# check FROM TO: what the guest makes of a certificate that is valid between those seconds.
check() {
	stamp() { date -u -d "@$1" +%Y%m%d%H%M%SZ; }
	(cd "$T" && openssl ca -config conf -batch -notext -in leaf.csr -out leaf.pem \
		-startdate "$(stamp "$1")" -enddate "$(stamp "$2")") > "$T/log" 2>&1 ||
		fail "no certificate: $(cat "$T/log")"
	CA=$(cat "$T/ca.pem") LEAF=$(cat "$T/leaf.pem") "$SANDBOX" run --from "$T/s" --env CA --env LEAF -- sh -c \
		'echo "$CA" > /tmp/ca; echo "$LEAF" > /tmp/leaf; exec openssl verify -CAfile /tmp/ca /tmp/leaf' > "$T/out" 2>&1
	echo "status $?: $(grep -o 'OK$\|certificate has expired\|certificate is not yet valid' "$T/out" || cat "$T/out")"
}
equal "$(check "$now" $((now + 3600)))" "status 0: OK" "one issued now"
equal "$(check $((before - 3600)) $((now - 1)))" "status 2: certificate has expired" "one that expired since the snapshot"
equal "$(check $((now + 600)) $((now + 3600)))" "status 2: certificate is not yet valid" "one of the future"
