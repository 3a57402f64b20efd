//! Other people's tools accept what we write: signatures, marks, the communication, sealed files.
//!
//! The judges are OpenSSL, xmllint, pyHanko and sha256sum; they run only when `CERALACCA_JUDGES` is
//! set (see `tests/run`).

use std::fs;

use crate::judging::{Judging, b_t, find, pyhanko};
use crate::stage::impronta::{ARCHIVE, Filing, run};
use crate::stage::judge::{self, agrees};
use crate::stage::{PASSWORD, Served, codice_fiscale, say};

#[test]
fn a_filed_impronta_is_accepted() {
    if !judge::called("p7m, tsr, tst, comunicazione, ccf, rcc: by openssl, xmllint, pyHanko") {
        return;
    }
    let served = Served::start();
    let filing = Filing::new(&served, &codice_fiscale(91_000));
    let stage = filing.stage();
    filing.file(&stage, 0).expect_success();
    let judging = Judging::new(&served, stage.folder.path());
    let documents = stage.path("Documenti");
    let name = |ending: &str| find(&documents, ending).display().to_string();
    let (p7m, tsr) = (name("indice.xml.p7m"), name("indice.xml.p7m.tsr"));

    // The signature, with revocation asked for; and the content that comes out.
    let out = judging.path("indice.out");
    judging.verifies_cades(&p7m, None, &out);
    assert_eq!(fs::read(&out).unwrap(), fs::read(find(&documents, "/indice.xml")).unwrap());
    let b_t_path = judging.write("b-t.p7m", &b_t(&served, &fs::read(&p7m).unwrap()));
    judging.verifies_cades(&b_t_path, None, &out);
    for (path, marked) in [(&p7m, false), (&b_t_path, true)] {
        let said = pyhanko(&["verify", path, "-", &judging.root, &judging.crl]);
        for question in ["valid", "intact", "trusted"] {
            assert_eq!(said[question], true, "{path}: {said}");
        }
        assert_eq!((&said["digest"], &said["mechanism"]), (&"sha256".into(), &"sha256_rsa".into()));
        match marked {
            true => assert_eq!(
                said["mark"]["valid"].as_bool().zip(said["mark"]["trusted"].as_bool()),
                Some((true, true)),
                "{said}"
            ),
            false => assert!(said["mark"].is_null(), "{said}"),
        }
    }

    // The mark, as it came and as a token.
    judging.verifies_mark(&tsr, &p7m, false);
    let tst = judging.path("indice.tst");
    stage.run(&["convert", &tsr, "tst", "--content", &p7m, "--output", &tst]).expect_success();
    judging.verifies_mark(&tst, &p7m, true);

    // The communication, as written and as checked.
    let schema = concat!(env!("CARGO_MANIFEST_DIR"), "/core/xml/schema/impronta.xsd");
    for communication in [name("comunicazione.xml"), name("comunicazione.dcm")] {
        agrees("xmllint", &["--noout", "--nonet", "--schema", schema, &communication]);
    }
    say("judged: p7m and B-T by openssl and pyHanko, tsr and tst by openssl, 2 XML by xmllint");
    sealed(&served, &judging, &name("firmati/1/comunicazione.ccf"), &name("comunicazione.dcm"));
    received(&filing, &judging, &name(".rcc"), &name(".rel"));
}

/// The Agency's side: its key opens the file, and the environment's signature is on it.
fn sealed(served: &Served, judging: &Judging, ccf: &str, checked: &str) {
    let key = served.folder.path().join("ca-SANDBOX.p8").display().to_string();
    let (inner, content) = (judging.path("ccf.p7m"), judging.path("ccf.dcm"));
    let files =
        ["-in", ccf, "-inkey", &key, "-keyform", "DER", "-recip", &judging.ca, "-out", &inner];
    agrees("openssl", &[&["cms", "-decrypt", "-binary", "-inform", "DER"][..], &files].concat());
    let files = ["-in", &inner, "-CAfile", &judging.ca, "-out", &content];
    let verify = ["cms", "-verify", "-cades", "-binary", "-inform", "DER", "-purpose", "any"];
    agrees("openssl", &[&verify[..], &files].concat());
    assert_eq!(fs::read(&content).unwrap(), fs::read(checked).unwrap());
    let shown =
        agrees("openssl", &["cms", "-cmsout", "-print", "-noout", "-in", ccf, "-inform", "DER"]);
    assert!(shown.stdout.contains("aes-256-cbc"), "{}", shown.stdout);
    say("judged: ccf opened, its signature verified, the content is the checked file: openssl");
}

/// Ours: the cipher key of the environment opens the receipt, which the Agency's CA has signed.
fn received(filing: &Filing<'_>, judging: &Judging, rcc: &str, rel: &str) {
    let stage = filing.stage();
    let store = stage.path("ambiente/UTEC.P12").display().to_string();
    let (key, own) = (judging.path("cifra.pem"), judging.path("cifra-cert.pem"));
    let password = format!("pass:{PASSWORD}");
    let open = ["pkcs12", "-in", &store, "-passin", &password, "-nodes"];
    agrees("openssl", &[&open[..], &["-nocerts", "-out", &key]].concat());
    agrees("openssl", &[&open[..], &["-clcerts", "-nokeys", "-out", &own]].concat());
    let (inner, content) = (judging.path("rcc.p7m"), judging.path("rcc.rel"));
    let files = ["-in", rcc, "-inkey", &key, "-recip", &own, "-out", &inner];
    agrees("openssl", &[&["cms", "-decrypt", "-binary", "-inform", "DER"][..], &files].concat());
    let files = ["-in", &inner, "-CAfile", &judging.ca, "-certfile", &judging.ca, "-out", &content];
    let verify = ["cms", "-verify", "-binary", "-inform", "DER", "-purpose", "any"];
    agrees("openssl", &[&verify[..], &files].concat());
    assert_eq!(fs::read(&content).unwrap(), fs::read(rel).unwrap());
    say("judged: rcc opened with UTEC.P12, its signature verified, the text is the rel: openssl");
}

/// Writes an index in text and a detached signature of it.
const DETACHED: &str = r#"
local workflow = {
  summary = "Index in text, signed apart",
  uses    = { "archive", "keystore", "prompt", "signing" },
  input   = {
    archive = { type = "path", prompt = "Archivio" },
    digest  = { type = "text", prompt = "Algoritmo" },
    signer  = { type = "file", prompt = "PKCS#12" },
  },
}
function workflow.run(input)
  local index = archive.index(input.archive, { digest = input.digest, format = "txt" })
  local signer = keystore.open_pkcs12(input.signer, prompt.secret "signer_password")
  signing.cades(index, signer, { detached = true })
end
return workflow
"#;

#[test]
fn detached_signatures_and_text_indices_are_accepted() {
    if !judge::called("detached p7m by openssl and pyHanko, indices by sha256sum") {
        return;
    }
    let served = Served::start();
    let filing = Filing::new(&served, &codice_fiscale(91_001));
    let digests = [("SHA-256", "sha256sum"), ("SHA-384", "sha384sum"), ("SHA-512", "sha512sum")];
    for (digest, sum) in digests {
        let stage = filing.stage();
        let judging = Judging::new(&served, stage.folder.path());
        fs::write(stage.path("detached.lua"), DETACHED).unwrap();
        let secrets = filing.account.secrets_file.display().to_string();
        let mut arguments: Vec<String> =
            ["run", "detached.lua", "--approve", "--json", "--secrets"].map(str::to_owned).into();
        arguments.extend([
            secrets,
            format!("archive={ARCHIVE}"),
            format!("digest={digest}"),
            "signer=responsabile.p12".to_owned(),
        ]);
        run(&stage, &arguments).expect_success();
        let documents = stage.path("Documenti");
        let index = find(&documents, "/indice.txt").display().to_string();
        let p7m = find(&documents, "indice.txt.p7m").display().to_string();
        let check = format!("cd '{ARCHIVE}' && {sum} --strict -c '{index}'");
        let checked = agrees("sh", &["-c", &check]);
        assert_eq!(checked.stdout.matches(": OK\n").count(), 48, "{}", checked.stdout);

        let out = judging.path("detached.out");
        judging.verifies_cades(&p7m, Some(&index), &out);
        let said = pyhanko(&["verify", &p7m, &index, &judging.root, &judging.crl]);
        assert_eq!((&said["valid"], &said["trusted"]), (&true.into(), &true.into()), "{said}");
        say(&format!("judged: detached p7m by openssl and pyHanko, 48 digests by {sum}"));
    }
}
