//! The time in a mark: a GeneralizedTime, whose fractions of a second are legal (RFC 3161 §2.4.2).

use der::{DecodeValue, EncodeValue, ErrorKind, FixedTag, Header, Length, Reader, Tag, Writer};
use jiff::Timestamp;
use jiff::civil::DateTime;
use jiff::tz::TimeZone;

/// `YYYYMMDDhhmmss[.s…]Z`. The `der` crate reads none with fractions.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct GenTime {
    text: String,
    at: Timestamp,
}

impl GenTime {
    /// A time to be written, with as many digits of the second as it has and no zero at the end.
    pub fn new(at: Timestamp) -> GenTime {
        let civil = at.to_zoned(TimeZone::UTC).datetime();
        let mut text = civil.strftime("%Y%m%d%H%M%S").to_string();
        let nanoseconds = civil.subsec_nanosecond();
        if nanoseconds != 0 {
            text.push('.');
            text.push_str(format!("{nanoseconds:09}").trim_end_matches('0'));
        }
        text.push('Z');
        GenTime { text, at }
    }

    /// Reads the text of a GeneralizedTime in UTC; digits beyond nanoseconds are cut.
    pub fn parse(text: &str) -> Option<GenTime> {
        let body = text.strip_suffix('Z')?;
        let (whole, fraction) = match body.split_once('.') {
            Some((whole, fraction)) => (whole, Some(fraction)),
            None => (body, None),
        };
        let digits = |text: &str| !text.is_empty() && text.bytes().all(|b| b.is_ascii_digit());
        if whole.len() != 14 || !digits(whole) || !fraction.is_none_or(digits) {
            return None;
        }
        let number = |from: usize, to: usize| whole[from..to].parse::<i8>().ok();
        let year = whole[..4].parse::<i16>().ok()?;
        let nanoseconds = fraction.map_or(Some(0), |fraction| {
            let nine: String = fraction.chars().chain("000000000".chars()).take(9).collect();
            nine.parse::<i32>().ok()
        })?;
        let (month, day) = (number(4, 6)?, number(6, 8)?);
        let (hour, minute, second) = (number(8, 10)?, number(10, 12)?, number(12, 14)?);
        let civil = DateTime::new(year, month, day, hour, minute, second, nanoseconds).ok()?;
        let at = civil.to_zoned(TimeZone::UTC).ok()?.timestamp();
        Some(GenTime { text: text.to_owned(), at })
    }

    /// The time.
    pub fn at(&self) -> Timestamp {
        self.at
    }

    /// As it is written: `20261121230554.25Z`.
    pub fn text(&self) -> &str {
        &self.text
    }
}

impl FixedTag for GenTime {
    const TAG: Tag = Tag::GeneralizedTime;
}

impl<'a> DecodeValue<'a> for GenTime {
    fn decode_value<R: Reader<'a>>(reader: &mut R, header: Header) -> der::Result<GenTime> {
        let wrong = || der::Error::from(ErrorKind::Value { tag: Tag::GeneralizedTime });
        if header.length > Length::new(MOST) {
            return Err(wrong());
        }
        let bytes = reader.read_vec(header.length)?;
        std::str::from_utf8(&bytes).ok().and_then(GenTime::parse).ok_or_else(wrong)
    }
}

impl EncodeValue for GenTime {
    fn value_len(&self) -> der::Result<Length> {
        Length::try_from(self.text.len())
    }

    fn encode_value(&self, writer: &mut impl Writer) -> der::Result<()> {
        writer.write(self.text.as_bytes())
    }
}

/// Characters of the longest time that is read.
const MOST: u16 = 64;

#[cfg(test)]
mod tests {
    use der::{Decode, Encode};

    use super::*;

    #[test]
    fn fractions_are_legal() {
        for (text, expected) in [
            ("20261121230554Z", "2026-11-21T23:05:54Z"),
            ("20261121230554.5Z", "2026-11-21T23:05:54.5Z"),
            ("20261121230554.123456789Z", "2026-11-21T23:05:54.123456789Z"),
            ("20261121230554.1234567891Z", "2026-11-21T23:05:54.123456789Z"),
            ("20000229000000.001Z", "2000-02-29T00:00:00.001Z"),
        ] {
            let read = GenTime::parse(text).unwrap();
            assert_eq!((read.at(), read.text()), (expected.parse().unwrap(), text));
            let der = read.to_der().unwrap();
            assert_eq!(GenTime::from_der(&der).unwrap(), read);
        }
        for at in ["2026-11-21T23:05:54Z", "2026-11-21T23:05:54.25Z", "1999-12-31T23:59:59.9Z"] {
            let at: Timestamp = at.parse().unwrap();
            assert_eq!(GenTime::parse(GenTime::new(at).text()).unwrap().at(), at);
        }
        assert_eq!(GenTime::new("2026-11-21T23:05:54.250Z".parse().unwrap()).text().len(), 18);
    }

    #[test]
    fn what_is_no_time_is_refused() {
        for text in [
            "",
            "Z",
            "20261121230554",
            "202611212305Z",
            "20261321230554Z",
            "20261121230554.Z",
            "20261121230554,5Z",
            "20261121230554+0100",
            "20261121246060Z",
            "2026112123055４Z",
            "20261121230554.5",
            "+0261121230554Z",
            "20260230000000Z",
        ] {
            assert_eq!(GenTime::parse(text), None, "{text}");
        }
        let long = format!("20261121230554.{}Z", "1".repeat(100));
        let der = [&[0x18, long.len() as u8], long.as_bytes()].concat();
        assert!(GenTime::from_der(&der).is_err());
    }
}
