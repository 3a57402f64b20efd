//! What other people's tools write is read: verified as it deserves, and its content given back.
//!
//! The writers are OpenSSL, pyHanko and NSS; they run only when `CERALACCA_JUDGES` is set (see
//! `tests/run`).

use std::fs;

use ceralacca::ber;
use ceralacca::keystore::enveloped_data::{self, Unopened};
use ceralacca::keystore::{Certificate, KeyPair};
use serde_json::{Value, json};

use crate::judging::provider::Provider;
use crate::judging::{Judging, b_t, mark, pyhanko};
use crate::stage::judge::{self, agrees};
use crate::stage::{Served, Stage, say};

/// What `openssl cms -sign` is told, and what is to be said of the file. An empty verdict for what
/// is not asked.
struct Case {
    name: &'static str,
    arguments: &'static str,
    verdict: &'static str,
}

const fn case(name: &'static str, arguments: &'static str, verdict: &'static str) -> Case {
    Case { name, arguments, verdict }
}

/// Attached signatures. Only what names its certificate in a signed attribute can be valid.
const ATTACHED: [Case; 14] = [
    case("DER", "-cades -outform DER", "valid"),
    case("BER", "-cades -stream -outform DER", "valid"),
    case("BER, as -indef", "-cades -indef -outform DER", "valid"),
    case("PEM", "-cades -outform PEM", "valid"),
    case("PEM of BER", "-cades -stream -outform PEM", "valid"),
    case("SHA-384", "-cades -md sha384 -outform DER", "valid"),
    case("SHA-512", "-cades -md sha512 -outform DER", "valid"),
    case("SHA-512, BER", "-cades -md sha512 -stream -outform DER", "valid"),
    case("key identifier", "-cades -keyid -outform DER", "valid"),
    // Which is not read.
    case("RSA-PSS", "-cades -keyopt rsa_padding_mode:pss -outform DER", "indeterminate"),
    case("plain CMS", "-outform DER", "indeterminate"),
    case("no attributes", "-noattr -outform DER", "indeterminate"),
    case("no certificate", "-cades -nocerts -outform DER", "indeterminate"),
    case("SHA-1", "-cades -md sha1 -outform DER", "invalid"),
];

/// A stage without a workspace: anybody's folder.
struct Reader {
    stage: Stage,
    trust: Vec<String>,
}

impl Reader {
    fn new(trust: &[&str]) -> Reader {
        let stage = Stage { folder: tempfile::tempdir().unwrap() };
        Reader { stage, trust: trust.iter().map(|path| (*path).to_owned()).collect() }
    }

    fn verify(&self, path: &str, more: &[&str]) -> Value {
        let mut arguments = vec!["verify", path, "--json"];
        self.trust.iter().for_each(|trust| arguments.extend(["--trust", trust]));
        arguments.extend(more);
        let finished = self.stage.run(&arguments);
        let said: Value = serde_json::from_str(&finished.stdout)
            .unwrap_or_else(|_| panic!("{path}: {}{}", finished.stdout, finished.stderr));
        let valid = said["verdict"] == "valid";
        assert_eq!(finished.code, Some(if valid { 0 } else { 1 }), "{path}: {said}");
        said
    }

    fn expect(&self, name: &str, verdict: &str, path: &str, more: &[&str]) {
        let said = self.verify(path, more);
        let open = open_answers(&said);
        assert_eq!(said["verdict"], verdict, "{name}: {open:#?}");
    }

    /// The document that comes out of a file.
    fn extract(&self, path: &str) -> Vec<u8> {
        let into = tempfile::tempdir().unwrap();
        let folder = into.path().display().to_string();
        let said = self.stage.run(&["extract", path, "--into", &folder, "--json"]).json();
        fs::read(said["document"].as_str().unwrap_or_else(|| panic!("{said}"))).unwrap()
    }
}

/// The questions that were not answered yes.
fn open_answers(said: &Value) -> Vec<String> {
    let mut open = Vec::new();
    let mut reports: Vec<&Value> = said["reports"].as_array().into_iter().flatten().collect();
    while let Some(report) = reports.pop() {
        reports.extend(report["parts"].as_array().into_iter().flatten());
        let checks = report["checks"].as_array().into_iter().flatten();
        let bad =
            checks.filter(|check| ["no", "unknown"].contains(&check["answer"].as_str().unwrap()));
        open.extend(bad.map(Value::to_string));
    }
    open
}

#[test]
fn what_openssl_signs_is_read() {
    if !judge::called("signatures by openssl: DER, BER, PEM, base64, detached, two signers") {
        return;
    }
    let provider = Provider::new();
    let content: Vec<u8> = (0..300_000_u32).flat_map(u32::to_le_bytes).collect();
    fs::write(provider.path("content.bin"), &content).unwrap();
    let (root, crl) = (provider.path("root.pem"), provider.path("crl.pem"));
    let reader = Reader::new(&[&root, &crl]);
    let (no_crl, nobody) = (Reader::new(&[&root]), Reader::new(&[]));
    let sign = "cms -sign -binary -nodetach -in content.bin -signer a.pem -inkey a.key";
    for (number, Case { name, arguments, verdict }) in ATTACHED.iter().enumerate() {
        let file = format!("{number}.p7m");
        provider.openssl(&format!("{sign} {arguments} -out {file}"));
        let path = provider.path(&file);
        reader.expect(name, verdict, &path, &[]);
        let less = if *verdict == "valid" { "indeterminate" } else { verdict };
        no_crl.expect(name, less, &path, &[]);
        nobody.expect(name, less, &path, &[]);
        assert!(reader.extract(&path) == content, "{name}");
    }

    // Armour around armour.
    provider.openssl("base64 -in 0.p7m -out 0.b64");
    provider.openssl("base64 -in 0.b64 -out 0.b64.b64");
    provider.openssl("base64 -A -in 1.p7m -out 1.b64");
    for file in ["0.b64", "0.b64.b64", "1.b64"] {
        reader.expect(file, "valid", &provider.path(file), &[]);
        assert!(reader.extract(&provider.path(file)) == content, "{file}");
    }
    several(&provider, &reader, &content);
    detached(&provider, &reader);
    let count = ATTACHED.len() + 3 + 4 + 4;
    say(&format!(
        "read: {count} signatures by openssl, each with, without CRL and without anchors"
    ));
}

/// Two signers at once or one after the other, a revoked one, a signature inside a signature.
fn several(provider: &Provider, reader: &Reader, content: &[u8]) {
    let sign = "cms -sign -cades -binary -nodetach -outform DER -in content.bin";
    let (a, b) = ("-signer a.pem -inkey a.key", "-signer b.pem -inkey b.key");
    provider.openssl(&format!("{sign} {a} {b} -out two.p7m"));
    provider.openssl(&format!(
        "cms -resign -cades -binary -nodetach -inform DER -outform DER -in 0.p7m {b} -out again.p7m"
    ));
    provider.openssl(&format!("{sign} -signer revoked.pem -inkey revoked.key -out revoked.p7m"));
    provider.openssl(
        "cms -sign -cades -binary -nodetach -outform DER -stream -in 0.p7m -signer b.pem \
         -inkey b.key -out nested.p7m",
    );
    for (file, verdict) in
        [("two", "valid"), ("again", "valid"), ("revoked", "invalid"), ("nested", "valid")]
    {
        let path = provider.path(&format!("{file}.p7m"));
        reader.expect(file, verdict, &path, &[]);
        assert!(reader.extract(&path) == content, "{file}");
        if ["two", "again"].contains(&file) {
            assert_eq!(reader.verify(&path, &[])["reports"].as_array().unwrap().len(), 2);
        }
    }
}

fn detached(provider: &Provider, reader: &Reader) {
    let sign = "cms -sign -cades -binary -in content.bin -signer a.pem -inkey a.key";
    let content = provider.path("content.bin");
    for (number, form) in
        ["-outform DER", "-md sha384 -outform DER", "-outform PEM", "-md sha512 -outform DER"]
            .into_iter()
            .enumerate()
    {
        let file = format!("detached-{number}.p7s");
        provider.openssl(&format!("{sign} {form} -out {file}"));
        let path = provider.path(&file);
        reader.expect(form, "valid", &path, &["--content", &content]);
        reader.expect(form, "indeterminate", &path, &[]);
        reader.expect(form, "invalid", &path, &["--content", &provider.path("root.pem")]);
    }
}

#[test]
fn what_openssl_marks_is_read() {
    if !judge::called("marks by openssl: tsr, tst, other digests, converted there and back") {
        return;
    }
    let provider = Provider::new();
    fs::write(provider.path("content"), "the document").unwrap();
    provider.openssl(
        "cms -sign -cades -binary -nodetach -outform DER -in content -signer a.pem -inkey a.key \
         -out doc.p7m",
    );
    let reader = Reader::new(&[&provider.path("root.pem"), &provider.path("crl.pem")]);
    let over = provider.path("doc.p7m");
    for digest in ["sha256", "sha384", "sha512"] {
        let query = format!("-{digest} -cert");
        for (reply, extension) in [("", "tsr"), ("-token_out", "tst")] {
            let file = format!("{digest}.{extension}");
            provider.mark("doc.p7m", &query, reply, &file);
            let path = provider.path(&file);
            let name = format!("{digest} {extension}");
            reader.expect(&name, "valid", &path, &["--content", &over]);
            reader.expect(&name, "indeterminate", &path, &[]);
            let other = provider.path("content");
            reader.expect(&name, "invalid", &path, &["--content", &other]);
            reader.expect(&name, "valid", &over, &["--mark", &path]);
        }
    }
    // Without its certificate nobody knows who made it; SHA-1 is too weak.
    provider.mark("doc.p7m", "-sha256", "", "bare.tsr");
    provider.mark("doc.p7m", "-sha1 -cert", "", "sha1.tsr");
    let cases = [("bare.tsr", "indeterminate"), ("sha1.tsr", "invalid")];
    for (file, verdict) in cases {
        reader.expect(file, verdict, &provider.path(file), &["--content", &over]);
    }
    let judging_mark = |path: &str, token: bool| {
        let more = if token { "-token_in" } else { "" };
        provider.openssl(&format!("ts -verify -in {path} {more} -data doc.p7m -CAfile root.pem"));
    };
    let tsr = there_and_back(&reader, &provider.path("sha256.tsr"), &over, &judging_mark);
    let (first, last) = (fs::read(provider.path("sha256.tsr")).unwrap(), fs::read(tsr).unwrap());
    assert!(first == last, "the tsr is the same again");
    say("read: 8 marks by openssl; one through tst, tsd, m7m and back, judged by openssl");
}

/// tsr → tst → tsd → m7m → tsr; gives the last path.
fn there_and_back(
    reader: &Reader,
    tsr: &str,
    over: &str,
    judging_mark: &dyn Fn(&str, bool),
) -> String {
    let path = |name: &str| reader.stage.path(name).display().to_string();
    let steps = [("1.tst", "tst"), ("2.tsd", "tsd"), ("3.p7m.m7m", "m7m"), ("4.tsr", "tsr")];
    let mut before = tsr.to_owned();
    for (name, to) in steps {
        let after = path(name);
        let mut arguments = vec!["convert", &before, to, "--output", &after];
        // From here on the document is inside.
        if ["1.tst", "2.tsd"].contains(&name) {
            arguments.extend(["--content", over]);
        }
        reader.stage.run(&arguments).expect_success();
        match to {
            "tsr" | "tst" => judging_mark(&after, to == "tst"),
            _ => reader.expect(name, "valid", &after, &[]),
        }
        before = after;
    }
    before
}

#[test]
fn marks_come_back_byte_for_byte() {
    if !judge::called("marks of the sandbox, converted there and back, by openssl") {
        return;
    }
    let served = Served::start();
    let provider = Provider::new();
    fs::write(provider.path("content"), "the document").unwrap();
    provider.openssl(
        "cms -sign -cades -binary -nodetach -outform DER -in content -signer a.pem -inkey a.key \
         -out doc.p7m",
    );
    let over = provider.path("doc.p7m");
    let judging = Judging::new(&served, provider.folder());
    let trust = [provider.path("root.pem"), provider.path("crl.pem")];
    let reader = Reader::new(&[&trust[0], &trust[1], &judging.root, &judging.crl]);
    let tsr = judging.write("doc.tsr", &mark(&served, &fs::read(&over).unwrap()));
    let last = there_and_back(&reader, &tsr, &over, &|path, token| {
        judging.verifies_mark(path, &over, token)
    });
    assert!(fs::read(&tsr).unwrap() == fs::read(last).unwrap(), "the tsr is the same again");

    // A mark inside the signature is refused as a mark of the file, but verified as what it is.
    let inside = judging.write("b-t.p7m", &b_t(&served, &fs::read(&over).unwrap()));
    reader.expect("B-T", "valid", &inside, &[]);
    let refused = reader.stage.run(&["convert", &inside, "tsr", "--json"]);
    assert_eq!(refused.error_code(), "inspect.mark_covers_signature");
    say("read: a mark of the sandbox through tst, tsd, m7m and back is the same byte for byte");
}

#[test]
fn what_pyhanko_and_nss_sign_is_read() {
    if !judge::called("signatures by pyHanko and by NSS's cmsutil") {
        return;
    }
    let served = Served::start();
    let stage = Stage { folder: tempfile::tempdir().unwrap() };
    let judging = Judging::new(&served, stage.folder.path());
    let reader = Reader::new(&[&judging.root, &judging.crl]);
    let wanted = json!({
        "codice_fiscale": "RSSMRA85M01H501Q", "common_name": "Mario Rossi", "password": "Firma1234",
    });
    let issued = served.admin("POST", "/sandbox/v1/signers", Some(&wanted));
    let p12 = {
        use base64::Engine;
        use base64::engine::general_purpose::STANDARD;
        judging.write("signer.p12", &STANDARD.decode(issued["p12"].as_str().unwrap()).unwrap())
    };
    let password = judging.write("password", b"Firma1234");
    let content: Vec<u8> = b"Indice\r\n\0\xff".repeat(5_000);
    let document = judging.write("content.bin", &content);
    let tsa = format!("{}/tsa", served.url);
    for (name, form, tsa) in [
        ("attached", "attached", None),
        ("detached", "detached", None),
        ("attached, marked", "attached", Some(tsa.as_str())),
        ("detached, marked", "detached", Some(tsa.as_str())),
    ] {
        let out = judging.path(&format!("{name}.p7m"));
        let mut arguments = vec!["sign", &p12, &password, &document, &out, form];
        arguments.extend(tsa);
        pyhanko(&arguments);
        let more: &[&str] = if form == "detached" { &["--content", &document] } else { &[] };
        reader.expect(name, "valid", &out, more);
        let said = reader.verify(&out, more).to_string();
        assert_eq!(said.contains("signature.marked"), tsa.is_some(), "{name}: {said}");
        if form == "attached" {
            assert!(reader.extract(&out) == content, "{name}");
        }
    }
    let made = nss(&judging, &p12, &password, &document);
    // NSS does not name the certificate in what it signs.
    assert!(reader.extract(&made[0]) == content, "NSS");
    let more: [&[&str]; 2] = [&[], &["--content", &document]];
    for (path, more) in made.iter().zip(more) {
        reader.expect(path, "indeterminate", path, more);
        let said = reader.verify(path, more);
        let open = open_answers(&said);
        assert!(open.len() == 1 && open[0].contains("plain CMS, not CAdES"), "{open:#?}");
    }
    say("read: 4 signatures by pyHanko, 2 with a mark inside, valid; 2 by NSS, indeterminate");
}

/// What `cmsutil` signs: with its content, and without.
fn nss(judging: &Judging, p12: &str, password: &str, document: &str) -> [String; 2] {
    let folder = judging.path("nss");
    fs::create_dir(&folder).unwrap();
    let database = format!("sql:{folder}");
    agrees("certutil", &["-N", "-d", &database, "--empty-password"]);
    agrees("pk12util", &["-i", p12, "-d", &database, "-w", password]);
    let listed = agrees("certutil", &["-L", "-d", &database]).stdout;
    let name = listed.lines().find(|line| line.contains("u,u,u")).unwrap();
    let name = name.trim_end().trim_end_matches("u,u,u").trim_end().to_owned();
    [("nss.p7m", None), ("nss.p7s", Some("-T"))].map(|(file, more)| {
        let out = judging.path(file);
        let mut arguments =
            vec!["-S", "-d", &database, "-N", &name, "-H", "SHA256", "-G", "-Y", "NONE"];
        arguments.extend(more);
        arguments.extend(["-i", document, "-o", &out]);
        agrees("cmsutil", &arguments);
        out
    })
}

#[test]
fn what_openssl_seals_is_opened() {
    if !judge::called("envelopes by openssl: DER, BER, by key identifier, 3DES, OAEP, GCM") {
        return;
    }
    let sealing = Sealing::new();
    let sha256 = format!("{OAEP} -keyopt rsa_oaep_md:sha256 -keyopt rsa_mgf1_md:sha256");
    let forms = [
        ("-aes256", ""),
        ("-aes256 -stream", ""),
        ("-aes256 -keyid", ""),
        ("-aes128", ""),
        ("-des3", ""),
        ("-aes256", OAEP),
        ("-aes256", &sha256),
        ("-aes-128-gcm", ""),
        ("-aes-256-gcm", ""),
        ("-aes-256-gcm -stream -keyid", &sha256),
    ];
    for (form, of_key) in forms {
        let der = sealing.seal(form, of_key);
        let recipients = enveloped_data::recipients(&der).unwrap();
        assert!(recipients.include(&sealing.certificate), "{form} {of_key}");
        let opened = sealing.open(&der).unwrap();
        assert_eq!(opened, sealing.content, "{form} {of_key}");
    }
    // A tag that does not hold gives nothing, wherever the octet is.
    let der = sealing.seal("-aes-256-gcm", "");
    for at in (0..der.len()).rev().step_by(97) {
        let mut changed = der.clone();
        changed[at] ^= 1;
        assert!(sealing.open(&changed).is_err(), "{at}");
    }
    say(&format!("opened: {} envelopes by openssl", forms.len()));
}

/// What is not read is named, and not called damaged.
#[test]
fn what_openssl_seals_in_another_way_is_named() {
    if !judge::called("envelopes by openssl with algorithms that are not read") {
        return;
    }
    let sealing = Sealing::new();
    let mixed = format!("{OAEP} -keyopt rsa_oaep_md:sha256 -keyopt rsa_mgf1_md:sha1");
    let labelled = format!("{OAEP} -keyopt rsa_oaep_label:00ff");
    let not_read = [
        ("-camellia256", "", "Camellia-256-CBC"),
        ("-aes256", &*mixed, "RSA-OAEP with SHA-256"),
        ("-aes256", &*labelled, "RSA-OAEP with a label"),
    ];
    for (form, of_key, named) in not_read {
        match sealing.open(&sealing.seal(form, of_key)) {
            Err(Unopened::Unsupported(algorithm)) => {
                assert!(algorithm.starts_with(named), "{form}: {algorithm}");
            }
            other => panic!("{form} {of_key}: {other:?}"),
        }
    }
}

/// A key, and openssl that seals for it.
struct Sealing {
    provider: Provider,
    content: Vec<u8>,
    certificate: Certificate,
    key: KeyPair,
}

impl Sealing {
    fn new() -> Sealing {
        let provider = Provider::new();
        let content = b"sealed".repeat(1_000);
        fs::write(provider.path("content"), &content).unwrap();
        provider.openssl("x509 -in root.pem -outform DER -out root.der");
        provider.openssl("pkcs8 -topk8 -nocrypt -in root.key -outform DER -out root.p8");
        let certificate = fs::read(provider.path("root.der")).unwrap();
        let certificate = Certificate::from_der(&certificate).unwrap();
        let key = KeyPair::from_pkcs8(fs::read(provider.path("root.p8")).unwrap().into()).unwrap();
        Sealing { provider, content, certificate, key }
    }

    fn seal(&self, form: &str, of_key: &str) -> Vec<u8> {
        self.provider.openssl(&format!(
            "cms -encrypt -binary -in content {form} -outform DER -out sealed -recip root.pem {of_key}"
        ));
        ber::to_der(&fs::read(self.provider.path("sealed")).unwrap()).unwrap().0
    }

    fn open(&self, der: &[u8]) -> Result<Vec<u8>, Unopened> {
        let opened = enveloped_data::open_named(der, &self.certificate, &self.key);
        opened.map(|content| content.to_vec())
    }
}

const OAEP: &str = "-keyopt rsa_padding_mode:oaep";
