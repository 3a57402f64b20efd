//! Which key of UTEF.P12 or UTEC.P12 is meant, and whether it is the right one at all.

use ceralacca_keystore::Utilizzo;
use ceralacca_keystore::key_entry::KeyEntry;

use crate::error::EnvironmentError;
use crate::folder::{CIFRA_ALIAS, FIRMA_ALIAS};

/// The key for one use among those of a file: by what its certificate allows, then by its alias.
///
/// A certificate without key usage allows everything: other programs make such.
///
/// # Errors
/// `environment.wrong_key` when none fits, or several that nothing tells apart.
pub(crate) fn choose(
    container: &str,
    entries: Vec<KeyEntry>,
    wanted: Utilizzo,
) -> Result<KeyEntry, EnvironmentError> {
    let found: Vec<String> = entries.iter().map(described).collect();
    let mut fitting: Vec<KeyEntry> =
        entries.into_iter().filter(|one| one.certificate().allows(wanted)).collect();
    // What is certified for this use alone is meant before what is certified for both.
    keep_if_any(&mut fitting, |one| one.certificate().utilizzo() == [wanted]);
    if fitting.len() > 1 {
        let named = |one: &KeyEntry| one.alias.eq_ignore_ascii_case(FIRMA_ALIAS);
        match wanted {
            Utilizzo::Firma => keep_if_any(&mut fitting, named),
            Utilizzo::Cifra => {
                keep_if_any(&mut fitting, |one| one.alias.eq_ignore_ascii_case(CIFRA_ALIAS));
                keep_if_any(&mut fitting, |one| !named(one));
            }
        }
    }
    // The same key twice is one.
    if let Some(first) = fitting.first().map(|one| one.certificate().clone()) {
        let mut seen = false;
        fitting.retain(|one| *one.certificate() != first || !std::mem::replace(&mut seen, true));
    }
    let why = if fitting.is_empty() { WrongKey::None } else { WrongKey::Several };
    match <[KeyEntry; 1]>::try_from(fitting) {
        Ok([entry]) => Ok(entry),
        Err(_) => {
            let container = container.to_owned();
            Err(EnvironmentError::WrongKey { container, wanted, why, found })
        }
    }
}

/// The keys of both files, each from the file that should have it.
///
/// # Errors
/// `environment.wrong_key`; swapped files are said to be swapped, a file that is a copy of the other
/// to be a copy.
pub(crate) fn choose_both(
    (utef, firma): (&str, Vec<KeyEntry>),
    (utec, cifra): (&str, Vec<KeyEntry>),
) -> Result<(KeyEntry, KeyEntry), EnvironmentError> {
    let only_for = |entries: &[KeyEntry], utilizzo| {
        !entries.is_empty() && entries.iter().all(|one| one.certificate().utilizzo() == [utilizzo])
    };
    if only_for(&firma, Utilizzo::Cifra) && only_for(&cifra, Utilizzo::Firma) {
        return Err(EnvironmentError::WrongKey {
            container: utef.to_owned(),
            wanted: Utilizzo::Firma,
            why: WrongKey::SwappedWith(utec.to_owned()),
            found: firma.iter().map(described).collect(),
        });
    }
    let firma = choose(utef, firma, Utilizzo::Firma)?;
    let cifra = choose(utec, cifra, Utilizzo::Cifra)?;
    if firma.key.public() == cifra.key.public() {
        return Err(EnvironmentError::WrongKey {
            container: utec.to_owned(),
            wanted: Utilizzo::Cifra,
            why: WrongKey::SameAs(utef.to_owned()),
            found: vec![described(&cifra)],
        });
    }
    Ok((firma, cifra))
}

/// What is the matter with the keys of a file.
#[derive(Clone, Debug, PartialEq, Eq, serde::Serialize)]
#[serde(rename_all = "snake_case")]
pub enum WrongKey {
    /// No key for the use.
    None,
    /// More than one, and nothing tells which is meant.
    Several,
    /// This file has the keys of that one, and that one of this.
    SwappedWith(String),
    /// Its key is that file's.
    SameAs(String),
}

fn keep_if_any(entries: &mut Vec<KeyEntry>, keep: impl Fn(&KeyEntry) -> bool) {
    if entries.iter().any(&keep) {
        entries.retain(keep);
    }
}

/// `sign_keypair0 for Firma (digitalSignature, nonRepudiation)`.
fn described(entry: &KeyEntry) -> String {
    let alias = if entry.alias.is_empty() { "a key" } else { entry.alias.as_str() };
    let certificate = entry.certificate();
    let uses: Vec<&str> = certificate.utilizzo().into_iter().map(Utilizzo::label).collect();
    let alias: String = alias.chars().filter(|c| !c.is_control()).take(60).collect();
    let usage = match certificate.key_usage() {
        none if none == "none" => "no key usage".to_owned(),
        usage => usage,
    };
    match uses.as_slice() {
        [] => format!("{alias} for neither use ({usage})"),
        _ => format!("{alias} for {} ({usage})", uses.join(" and ")),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::fixtures::{CIFRA, FIRMA, Usage, ca, copy, issue, keys, other_keys};
    use ceralacca_keystore::{Certificate, KeyPair};

    fn entry(alias: &str, key: &KeyPair, usage: Usage) -> KeyEntry {
        let chain: Vec<Certificate> = vec![issue(ca(), key.public(), usage)];
        KeyEntry::new("x", alias, copy(key), chain).unwrap()
    }

    fn firma(alias: &str) -> KeyEntry {
        entry(alias, &keys().firma, FIRMA.into())
    }

    fn cifra(alias: &str) -> KeyEntry {
        entry(alias, &keys().cifra, CIFRA.into())
    }

    /// What a certificate without key usage, or with both uses, allows.
    fn either(alias: &str, key: &KeyPair) -> KeyEntry {
        entry(alias, key, Usage(FIRMA[0] | CIFRA[0]))
    }

    fn why(refused: EnvironmentError) -> WrongKey {
        match refused {
            EnvironmentError::WrongKey { why, .. } => why,
            other => panic!("{other:?}"),
        }
    }

    #[test]
    fn the_key_is_chosen_by_its_use_whatever_comes_first() {
        for (both, wanted, alias) in [
            ([cifra("c"), firma("f")], Utilizzo::Firma, "f"),
            ([firma("f"), cifra("c")], Utilizzo::Cifra, "c"),
            // The aliases lie; the certificates do not.
            ([cifra("sign_keypair0"), firma("f")], Utilizzo::Firma, "f"),
            ([firma("f"), either("e", &keys().cifra)], Utilizzo::Firma, "f"),
            (
                [either("x", &keys().cifra), either("SIGN_KEYPAIR0", &keys().firma)],
                Utilizzo::Firma,
                "SIGN_KEYPAIR0",
            ),
            (
                [either("sign_keypair0", &keys().firma), either("x", &keys().cifra)],
                Utilizzo::Cifra,
                "x",
            ),
        ] {
            assert_eq!(choose("UTEF.P12", both.into(), wanted).unwrap().alias, alias);
        }
        let single = choose("UTEF.P12", vec![either("", &keys().firma)], Utilizzo::Firma);
        assert_eq!(single.unwrap().alias, "");
        let twice = choose("UTEF.P12", vec![firma("a"), firma("b")], Utilizzo::Firma);
        assert_eq!(twice.unwrap().key.public(), keys().firma.public());
    }

    #[test]
    fn what_does_not_fit_is_refused_and_named() {
        let none = choose("UTEF.P12", vec![cifra("c")], Utilizzo::Firma).unwrap_err();
        let EnvironmentError::WrongKey { found, .. } = &none else { panic!("{none:?}") };
        assert_eq!(found, &["c for Cifra (keyEncipherment, dataEncipherment)"]);
        assert_eq!(why(none), WrongKey::None);
        let other = entry("altra", &other_keys().firma, FIRMA.into());
        let two = choose("UTEF.P12", vec![firma("f"), other], Utilizzo::Firma).unwrap_err();
        assert_eq!(why(two), WrongKey::Several);
        let neither = entry("n", &keys().firma, [FIRMA[1]; 2].into());
        assert!(choose("UTEC.P12", vec![neither], Utilizzo::Cifra).is_err());
    }

    #[test]
    fn both_files_have_their_own_key() {
        let both = |utef, utec| choose_both(("UTEF.P12", utef), ("UTEC.P12", utec));
        let (one, other) =
            both(vec![firma("a"), cifra("b")], vec![firma("c"), cifra("d")]).unwrap();
        assert_eq!((&*one.alias, &*other.alias), ("a", "d"));
        let swapped = both(vec![cifra("c")], vec![firma("f")]).unwrap_err();
        assert_eq!(why(swapped), WrongKey::SwappedWith("UTEC.P12".to_owned()));
        let copied = both(vec![firma("f")], vec![firma("f")]).unwrap_err();
        assert_eq!(why(copied), WrongKey::None);
        let one = || vec![either("x", &keys().firma)];
        assert_eq!(why(both(one(), one()).unwrap_err()), WrongKey::SameAs("UTEF.P12".to_owned()));
    }
}
