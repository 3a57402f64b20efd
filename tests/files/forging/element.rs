//! DER as a tree that can be changed and written again, its lengths made right.

/// One element. What is inside an OCTET STRING or BIT STRING stays bytes.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Element {
    pub tag: u8,
    pub body: Body,
    /// Where its content was in the file.
    pub content: std::ops::Range<usize>,
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Body {
    Bytes(Vec<u8>),
    Inside(Vec<Element>),
}

/// Reads one element and what follows it up to the end.
pub fn read(bytes: &[u8]) -> Element {
    let mut all = elements(bytes, 0);
    assert_eq!(all.len(), 1, "one element");
    all.remove(0)
}

fn elements(bytes: &[u8], start: usize) -> Vec<Element> {
    let (mut found, mut at) = (Vec::new(), 0);
    while at < bytes.len() {
        let (tag, first) = (bytes[at], usize::from(bytes[at + 1]));
        let more = first.saturating_sub(0x80);
        let long =
            bytes[at + 2..at + 2 + more].iter().fold(0, |sum, byte| sum << 8 | *byte as usize);
        let length = if more == 0 { first } else { long };
        let content = at + 2 + more..at + 2 + more + length;
        let inside = &bytes[content.clone()];
        let body = match tag & 0x20 {
            0 => Body::Bytes(inside.to_vec()),
            _ => Body::Inside(elements(inside, start + content.start)),
        };
        at = content.end;
        found.push(Element { tag, body, content: start + content.start..start + content.end });
    }
    found
}

impl Element {
    pub fn of(tag: u8, inside: Vec<Element>) -> Element {
        Element { tag, body: Body::Inside(inside), content: 0..0 }
    }

    pub fn bytes(tag: u8, bytes: &[u8]) -> Element {
        Element { tag, body: Body::Bytes(bytes.to_vec()), content: 0..0 }
    }

    /// As DER.
    pub fn der(&self) -> Vec<u8> {
        let content = match &self.body {
            Body::Bytes(bytes) => bytes.clone(),
            Body::Inside(inside) => inside.iter().flat_map(Element::der).collect(),
        };
        let length = content.len();
        let mut der = vec![self.tag];
        match length {
            0..0x80 => der.push(length as u8),
            0x80..0x100 => der.extend([0x81, length as u8]),
            0x100..0x1_0000 => der.extend([0x82, (length >> 8) as u8, length as u8]),
            _ => der.extend([0x83, (length >> 16) as u8, (length >> 8) as u8, length as u8]),
        }
        der.extend(content);
        der
    }

    pub fn inside(&self) -> &[Element] {
        match &self.body {
            Body::Inside(inside) => inside,
            Body::Bytes(_) => &[],
        }
    }

    pub fn inside_mut(&mut self) -> &mut Vec<Element> {
        match &mut self.body {
            Body::Inside(inside) => inside,
            Body::Bytes(_) => panic!("element {:02x} has nothing inside", self.tag),
        }
    }

    /// The element at a path of positions.
    pub fn at(&self, path: &[usize]) -> &Element {
        path.iter().fold(self, |element, place| &element.inside()[*place])
    }

    pub fn at_mut(&mut self, path: &[usize]) -> &mut Element {
        path.iter().fold(self, |element, place| &mut element.inside_mut()[*place])
    }

    /// The paths of all elements, the outermost first.
    pub fn paths(&self) -> Vec<Vec<usize>> {
        let mut paths = vec![Vec::new()];
        for (place, inside) in self.inside().iter().enumerate() {
            paths.extend(inside.paths().into_iter().map(|path| [&[place], &path[..]].concat()));
        }
        paths
    }

    /// Positions of the file in long values: content, signatures, keys, ciphertext.
    pub fn long_values(&self) -> Vec<std::ops::Range<usize>> {
        match &self.body {
            Body::Bytes(bytes) if bytes.len() > 64 => vec![self.content.clone()],
            Body::Bytes(_) => Vec::new(),
            Body::Inside(inside) => inside.iter().flat_map(Element::long_values).collect(),
        }
    }
}
