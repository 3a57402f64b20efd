//! Other people's tools open what we write, and we open what they write.
//!
//! The judges are OpenSSL, Java's keytool and NSS's pk12util; they run only when
//! `CERALACCA_JUDGES` is set (see `tests/run`).

mod others;

use std::fs;
use std::path::{Path, PathBuf};

use serde_json::Value;

use crate::stage::judge::{self, agrees};
use crate::stage::{
    Account, Finished, PASSWORD, PIN_DI_REVOCA, Served, Stage, codice_fiscale, golden,
};

/// One environment, made by the shipped workflow, with everything that it left behind.
struct Made {
    served: Served,
    stage: Stage,
    account: Account,
    /// The password for tools that want it in a file.
    password_file: PathBuf,
}

impl Made {
    fn new(number: u32) -> Made {
        let served = Served::start();
        let stage = Stage::new(&served);
        let account = served.account(&codice_fiscale(number));
        stage.setup(&account, &[]).expect_success();
        let password_file = stage.path("password.txt");
        fs::write(&password_file, PASSWORD).unwrap();
        Made { served, stage, account, password_file }
    }

    fn path(&self, name: &str) -> String {
        self.stage.path(name).display().to_string()
    }

    fn password(&self) -> String {
        format!("file:{}", self.password_file.display())
    }

    fn common_name(&self) -> String {
        format!("{}-000", self.account.codice_fiscale)
    }

    /// The only file in a folder of the workspace, however it is called.
    fn only(&self, folder: &str) -> PathBuf {
        let mut entries = fs::read_dir(self.stage.path(folder)).unwrap();
        entries.next().unwrap().unwrap().path()
    }

    /// The three kinds of key material, in clear, for tools to make stores of their own from.
    fn unpack(&self) {
        for (store, key, certificate) in [
            ("UTEF.P12", "firma.pem", "firma-cert.pem"),
            ("UTEC.P12", "cifra.pem", "cifra-cert.pem"),
        ] {
            let (store, password) = (self.path(&format!("ambiente/{store}")), self.password());
            let open = ["pkcs12", "-in", &store, "-passin", &password, "-nodes"];
            let key = self.path(key);
            agrees("openssl", &[&open[..], &["-nocerts", "-out", &key]].concat());
            let certificate = self.path(certificate);
            agrees(
                "openssl",
                &[&open[..], &["-clcerts", "-nokeys", "-out", &certificate]].concat(),
            );
        }
        let ca = self.served.folder.path().join("ca-SANDBOX.cer").display().to_string();
        agrees("openssl", &["x509", "-inform", "DER", "-in", &ca, "-out", &self.path("ca.pem")]);
    }

    /// Makes the stores that others start from anew, for the password in the file.
    fn repack(&self) {
        fs::remove_dir_all(self.stage.path("da-openssl")).unwrap();
    }

    /// What `certificates` says of an environment's folder.
    fn certificates(&self, folder: &str) -> Finished {
        let secrets = self.account.secrets_file.display().to_string();
        self.stage.run(&["certificates", folder, "--json", "--secrets", &secrets])
    }

    /// What is in them; without the days that are left, which go on meanwhile.
    fn contents(&self, folder: &str) -> Value {
        without_days(self.certificates(folder))
    }
}

fn without_days(shown: Finished) -> Value {
    let mut shown = shown.json();
    for one in shown.as_array_mut().unwrap() {
        one.as_object_mut().unwrap().remove("days_left").expect("it is there");
    }
    shown
}

#[test]
fn openssl_keytool_and_nss_open_the_three_files() {
    if !judge::called("the three files, by openssl, keytool and pk12util") {
        return;
    }
    let made = Made::new(70_000);
    for (name, alias) in [("UTEF.P12", "sign_keypair0"), ("UTEC.P12", "cipher_keypair0")] {
        let path = made.path(&format!("ambiente/{name}"));
        let info = ["pkcs12", "-in", &path, "-info", "-nodes", "-passin", &made.password()];
        let shown = agrees("openssl", &info);
        let text = format!("{}{}", shown.stdout, shown.stderr);
        assert!(text.contains("MAC: sha256, Iteration 100000"), "{name}: {text}");
        let pbes2 = "PBES2, PBKDF2, AES-256-CBC, Iteration 100000, PRF hmacWithSHA256";
        assert_eq!(text.matches(pbes2).count(), 2, "{name}: {text}");
        assert_eq!(text.matches("BEGIN CERTIFICATE").count(), 2, "{name}: {text}");
        assert_eq!(text.matches("BEGIN PRIVATE KEY").count(), 1, "{name}: {text}");
        assert_eq!(text.matches(&format!("friendlyName: {alias}")).count(), 2, "{name}: {text}");
        let local_keys: Vec<&str> =
            text.lines().filter(|line| line.contains("localKeyID")).collect();
        assert!(local_keys.len() == 2 && local_keys[0] == local_keys[1], "{name}: {local_keys:?}");

        let password = made.password_file.display().to_string();
        let listed = agrees("pk12util", &["-l", &path, "-w", &password, "-d", &nss(&made)]);
        assert_eq!(listed.stdout.matches("Certificate(has private key):").count(), 1, "{name}");
        assert!(listed.stdout.contains(&made.common_name()), "{name}: {}", listed.stdout);
    }
    let store = made.path("ambiente/UTENTE.KS");
    let password = made.password_file.display().to_string();
    let list =
        ["-J-Duser.language=en", "-list", "-v", "-keystore", &store, "-storepass:file", &password];
    let listed = agrees("keytool", &list).stdout;
    assert!(listed.contains("Keystore type: JKS"), "{listed}");
    assert!(listed.contains("Your keystore contains 2 entries"), "{listed}");
    assert_eq!(listed.matches("Entry type: PrivateKeyEntry").count(), 2, "{listed}");
    assert_eq!(listed.matches("Certificate chain length: 2").count(), 2, "{listed}");
    for alias in ["sign_keypair0", "cipher_keypair0"] {
        assert!(listed.contains(&format!("Alias name: {alias}")), "{listed}");
        // The private key itself, too: Java signs a request with it.
        let request =
            ["-certreq", "-keystore", &store, "-storepass:file", &password, "-alias", alias];
        let request = agrees("keytool", &request).stdout;
        assert!(request.contains("BEGIN NEW CERTIFICATE REQUEST"), "{request}");
    }
}

#[test]
fn openssl_accepts_the_parts_of_the_request() {
    if !judge::called("req.ccc, by openssl") {
        return;
    }
    let made = Made::new(70_001);
    made.unpack();
    let request = made.only("Documenti/inviati").display().to_string();
    let (signed, data) = (made.path("signed.der"), made.path("data.der"));
    let ca_key = made.served.folder.path().join("ca-SANDBOX.p8").display().to_string();
    let (ca_certificate, firma) = (made.path("ca.pem"), made.path("firma-cert.pem"));
    let files = ["-in", &request, "-inform", "DER", "-inkey", &ca_key, "-keyform", "DER"];
    let decrypt = ["cms", "-decrypt", "-recip", &ca_certificate, "-binary", "-out", &signed];
    agrees("openssl", &[&decrypt[..], &files].concat());
    let structure = agrees(
        "openssl",
        &["cms", "-cmsout", "-print", "-noout", "-in", &request, "-inform", "DER"],
    );
    assert!(structure.stdout.contains("aes-256-cbc"), "{}", structure.stdout);
    let files = ["-in", &signed, "-inform", "DER", "-certfile", &firma, "-out", &data];
    agrees("openssl", &[&["cms", "-verify", "-noverify", "-binary"][..], &files].concat());

    let (sealed, data) = (fs::read(&signed).unwrap(), fs::read(&data).unwrap());
    let whole = fs::read(&request).unwrap();
    let contains = |bytes: &[u8], text: &str| {
        bytes.windows(text.len()).any(|window| window == text.as_bytes())
    };
    assert!(contains(&data, PIN_DI_REVOCA), "the PIN di revoca travels, sealed");
    assert!(!contains(&whole, PIN_DI_REVOCA), "and never in clear");
    let pincode = &made.account.secrets["pincode"];
    for (place, bytes) in [("req.ccc", &whole), ("SignedData", &sealed), ("PKIData", &data)] {
        assert!(!contains(bytes, pincode), "the pincode is in {place}");
    }

    let requests = certification_requests(&data);
    assert_eq!(requests.len(), 2);
    for (number, (der, certificate)) in
        requests.into_iter().zip(["firma-cert.pem", "cifra-cert.pem"]).enumerate()
    {
        let path = made.path(&format!("request-{number}.der"));
        fs::write(&path, der).unwrap();
        let read = ["req", "-inform", "DER", "-in", &path, "-noout", "-verify"];
        let shown = agrees("openssl", &[&read[..], &["-text", "-subject"]].concat());
        let text = format!("{}{}", shown.stdout, shown.stderr);
        assert!(text.contains("verify OK"), "{text}");
        let subject =
            format!("subject=C = IT, O = Agenzia delle Entrate, CN = {}", made.common_name());
        assert!(text.contains(&subject), "{text}");
        assert!(text.contains("Public-Key: (4096 bit)"), "{text}");
        assert!(text.contains("Signature Algorithm: sha256WithRSAEncryption"), "{text}");
        // What was asked for is what was certified: firma first, cifra second.
        let asked =
            agrees("openssl", &["req", "-inform", "DER", "-in", &path, "-noout", "-pubkey"]);
        let certificate = made.path(certificate);
        let got = agrees("openssl", &["x509", "-in", &certificate, "-noout", "-pubkey"]);
        assert_eq!(asked.stdout, got.stdout);
    }
}

#[test]
fn openssl_accepts_the_certificates() {
    if !judge::called("CERTIF.IN, by openssl") {
        return;
    }
    let made = Made::new(70_002);
    made.unpack();
    let certif_in = made.only("Documenti/ricezione").join("CERTIF.IN").display().to_string();
    let printed =
        agrees("openssl", &["pkcs7", "-inform", "DER", "-in", &certif_in, "-print_certs"]);
    assert_eq!(printed.stdout.matches("BEGIN CERTIFICATE").count(), 3, "{}", printed.stdout);
    assert_eq!(printed.stdout.matches(&made.common_name()).count(), 2, "{}", printed.stdout);
    assert!(printed.stdout.contains("SANDBOX"), "{}", printed.stdout);

    let ca = made.path("ca.pem");
    let mut validity = Vec::new();
    for (name, usage) in [
        ("firma-cert.pem", "Digital Signature, Non Repudiation"),
        ("cifra-cert.pem", "Key Encipherment, Data Encipherment"),
    ] {
        let path = made.path(name);
        agrees("openssl", &["verify", "-x509_strict", "-CAfile", &ca, &path]);
        let shown = agrees(
            "openssl",
            &["x509", "-in", &path, "-noout", "-text", "-dates", "-dateopt", "iso_8601"],
        );
        assert!(shown.stdout.contains(usage), "{}", shown.stdout);
        assert!(shown.stdout.contains("Public-Key: (4096 bit)"), "{}", shown.stdout);
        let date = |mark: &str| -> String {
            let text = shown.stdout.rsplit(mark).next().unwrap().lines().next().unwrap();
            text.replacen(' ', "T", 1)
        };
        validity.push((date("notBefore="), date("notAfter=")));
    }
    let seconds = |instant: &str| -> i64 {
        let shown = agrees("date", &["--utc", "--date", instant, "+%s"]);
        shown.stdout.trim().parse().unwrap()
    };
    let [(firma_begin, firma_end), (cifra_begin, cifra_end)] = validity.as_slice() else {
        panic!("{validity:?}");
    };
    assert_eq!(seconds(firma_begin) - seconds(cifra_begin), 1, "{validity:?}");
    assert_eq!(firma_end, cifra_end, "both end at the same instant");
    let (begun, ended) = (&firma_begin[..10], &firma_end[..10]);
    let years = |day: &str| day[..4].parse::<i32>().unwrap();
    assert_eq!(years(ended) - years(begun), 3, "{validity:?}");
    let rounded_up = seconds(firma_end) - seconds(&format!("{}{}", ended, &firma_begin[10..]));
    assert!((0..3600).contains(&rounded_up), "{validity:?}");
}

/// Writes UTEF.P12 and UTEC.P12, and UTENTE.KS too if it can, into a folder.
type Writer = fn(&Made, &Path);

/// Who writes an environment, and what it is told.
const WRITERS: [(&str, Writer); 7] = [
    ("openssl", |made, folder| with_openssl(made, folder, &[])),
    ("openssl, as old Java did", |made, folder| {
        with_openssl(
            made,
            folder,
            &[
                "-legacy",
                "-keypbe",
                "PBE-SHA1-3DES",
                "-certpbe",
                "PBE-SHA1-RC2-40",
                "-macalg",
                "sha1",
            ],
        );
    }),
    ("openssl, 3DES for all", |made, folder| {
        with_openssl(
            made,
            folder,
            &["-keypbe", "PBE-SHA1-3DES", "-certpbe", "PBE-SHA1-3DES", "-macalg", "sha1"],
        );
    }),
    ("keytool", |made, folder| with_keytool(made, folder, &[])),
    ("keytool, as old Java did", |made, folder| {
        with_keytool(made, folder, &["-J-Dkeystore.pkcs12.legacy"]);
    }),
    ("pk12util", |made, folder| with_nss(made, folder, &[])),
    ("pk12util, as old NSS did", |made, folder| {
        with_nss(
            made,
            folder,
            &[
                "-c",
                "PKCS #12 V2 PBE With SHA-1 And 3KEY Triple DES-CBC",
                "-C",
                "PKCS #12 V2 PBE With SHA-1 And 40 Bit RC2 CBC",
                "-M",
                "SHA-1",
            ],
        );
    }),
];

#[test]
fn we_open_what_others_write() {
    if !judge::called("environments written by openssl, keytool and pk12util") {
        return;
    }
    let made = Made::new(70_003);
    made.unpack();
    let ours = made.contents("ambiente");
    for (number, (writer, write)) in WRITERS.into_iter().enumerate() {
        let folder = made.stage.path(&format!("di-altri-{number}"));
        fs::create_dir(&folder).unwrap();
        write(&made, &folder);
        if !folder.join("UTENTE.KS").exists() {
            store_with_keytool(&made, &folder, "JKS");
        }
        let theirs = made.contents(&folder.display().to_string());
        assert_eq!(theirs, ours, "{writer}");
    }
}

#[test]
fn stores_that_are_not_ours_are_refused_in_words() {
    if !judge::called("stores with other keys, written by openssl") {
        return;
    }
    let made = Made::new(70_004);
    made.unpack();
    let ca = made.path("ca.pem");
    for (case, arguments) in [
        ("key.rejected", &["ecparam", "-genkey", "-name", "prime256v1", "-noout"][..]),
        (
            "key.rejected.short",
            &["genpkey", "-quiet", "-algorithm", "RSA", "-pkeyopt", "rsa_keygen_bits:1024"],
        ),
    ] {
        let folder = made.stage.path(case);
        fs::create_dir(&folder).unwrap();
        with_openssl(&made, &folder, &[]);
        store_with_keytool(&made, &folder, "JKS");
        let (key, certificate) = (made.path("altra.pem"), made.path("altra-cert.pem"));
        agrees("openssl", &[arguments, &["-out", &key]].concat());
        agrees(
            "openssl",
            &["req", "-x509", "-new", "-key", &key, "-subj", "/CN=altra", "-out", &certificate],
        );
        let store = folder.join("UTEF.P12");
        export(&made, (&key, &certificate), &store, "sign_keypair0", &["-certfile", &ca]);
        let secrets = made.account.secrets_file.display().to_string();
        let shown = folder.display().to_string();
        let refused = made.stage.run(&["certificates", &shown, "--secrets", &secrets]);
        assert_eq!(refused.code, Some(1), "{case}: {}", refused.stdout);
        let text = golden::steady(&refused.stderr, &[(&shown, "FOLDER")]);
        golden::check(&format!("tests/errors/{case}.txt"), &text);
    }
}

fn export(made: &Made, (key, certificate): (&str, &str), to: &Path, alias: &str, more: &[&str]) {
    let (to, password) = (to.display().to_string(), made.password());
    let files = ["pkcs12", "-export", "-inkey", key, "-in", certificate, "-out", &to];
    let named = ["-name", alias, "-passout", &password];
    agrees("openssl", &[&files[..], &named, more].concat());
}

fn with_openssl(made: &Made, folder: &Path, algorithms: &[&str]) {
    let ca = made.path("ca.pem");
    for (store, key, certificate) in
        [("UTEF.P12", "firma.pem", "firma-cert.pem"), ("UTEC.P12", "cifra.pem", "cifra-cert.pem")]
    {
        let (key, certificate) = (made.path(key), made.path(certificate));
        let more = [&["-certfile", &ca][..], algorithms].concat();
        export(made, (&key, &certificate), &folder.join(store), "sign_keypair0", &more);
    }
}

/// Java's own: stores imported and written anew, and a UTENTE.KS of both keys.
fn with_keytool(made: &Made, folder: &Path, form: &[&str]) {
    let ours = made.stage.path("da-openssl");
    if !ours.exists() {
        fs::create_dir(&ours).unwrap();
        with_openssl(made, &ours, &[]);
    }
    for store in ["UTEF.P12", "UTEC.P12"] {
        import(made, &ours.join(store), &folder.join(store), "PKCS12", "sign_keypair0", form);
    }
    store_with_keytool(made, folder, "JKS");
}

fn store_with_keytool(made: &Made, folder: &Path, kind: &str) {
    let ours = made.stage.path("da-openssl");
    if !ours.exists() {
        fs::create_dir(&ours).unwrap();
        with_openssl(made, &ours, &[]);
    }
    let utente = folder.join("UTENTE.KS");
    import(made, &ours.join("UTEF.P12"), &utente, kind, "sign_keypair0", &[]);
    import(made, &ours.join("UTEC.P12"), &utente, kind, "cipher_keypair0", &[]);
}

fn import(made: &Made, from: &Path, to: &Path, kind: &str, alias: &str, form: &[&str]) {
    let (from, to) = (from.display().to_string(), to.display().to_string());
    let password = made.password_file.display().to_string();
    let source =
        ["-srckeystore", &from, "-srcstoretype", "PKCS12", "-srcstorepass:file", &password];
    let target = ["-destkeystore", &to, "-deststoretype", kind, "-deststorepass:file", &password];
    let names = ["-srcalias", "sign_keypair0", "-destalias", alias, "-noprompt"];
    agrees("keytool", &[form, &["-importkeystore"], &source, &target, &names].concat());
}

/// NSS's own: its exports are BER with indefinite lengths.
fn with_nss(made: &Made, folder: &Path, algorithms: &[&str]) {
    let ours = made.stage.path("da-openssl");
    let password = made.password_file.display().to_string();
    for store in ["UTEF.P12", "UTEC.P12"] {
        // A database of its own for each: NSS names keys by their certificates' subjects.
        let base = folder.with_extension(format!("nss-{store}"));
        fs::create_dir(&base).unwrap();
        let base = format!("sql:{}", base.display());
        agrees("certutil", &["-N", "-d", &base, "--empty-password"]);
        let from = ours.join(store).display().to_string();
        agrees("pk12util", &["-i", &from, "-d", &base, "-w", &password]);
        let to = folder.join(store).display().to_string();
        let export = ["-o", &to, "-n", "sign_keypair0", "-d", &base, "-w", &password];
        agrees("pk12util", &[&export[..], algorithms].concat());
    }
}

/// An empty database, which pk12util wants even for looking at a file.
fn nss(made: &Made) -> String {
    let base = made.stage.path("nss");
    if !base.exists() {
        fs::create_dir(&base).unwrap();
        let base = format!("sql:{}", base.display());
        agrees("certutil", &["-N", "-d", &base, "--empty-password"]);
    }
    format!("sql:{}", base.display())
}

/// The PKCS#10 requests of a PKIData (RFC 5272 §3.2.1).
///
/// ```text
/// PKIData ::= SEQUENCE { controlSequence, reqSequence SEQUENCE OF TaggedRequest, … }
/// TaggedRequest ::= [0] { bodyPartID INTEGER, certificationRequest SEQUENCE { … } }
/// ```
fn certification_requests(data: &[u8]) -> Vec<Vec<u8>> {
    let parts = elements(&elements(data)[0].content);
    let tagged = elements(&parts[1].content);
    tagged.iter().map(|request| elements(&request.content)[1].whole.clone()).collect()
}

/// One DER element.
struct Element {
    whole: Vec<u8>,
    content: Vec<u8>,
}

/// The elements that follow each other in `bytes`; lengths of up to four octets.
fn elements(mut bytes: &[u8]) -> Vec<Element> {
    let mut found = Vec::new();
    while !bytes.is_empty() {
        let (header, length) = match bytes[1] {
            short @ 0..=0x7f => (2, usize::from(short)),
            long => {
                let count = usize::from(long & 0x7f);
                let octets = bytes[2..2 + count].iter();
                (2 + count, octets.fold(0, |length, octet| length << 8 | usize::from(*octet)))
            }
        };
        let (whole, rest) = bytes.split_at(header + length);
        found.push(Element { whole: whole.to_vec(), content: whole[header..].to_vec() });
        bytes = rest;
    }
    found
}
