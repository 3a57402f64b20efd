//! From a [`Communication`] to XML: UTF-8, escaped, the same bytes for the same communication.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use quick_xml::Writer;
use quick_xml::events::{BytesDecl, BytesEnd, BytesStart, BytesText, Event};

use crate::communication::{NAMESPACE, ROOT};
use crate::{Communication, Nominativo, Soggetto};

impl Communication {
    /// The communication as XML of our own schema.
    pub fn to_xml(&self) -> Vec<u8> {
        self.to_xml_in(NAMESPACE)
    }

    /// The communication as XML in another namespace, for a schema with the same elements.
    pub fn to_xml_in(&self, namespace: &str) -> Vec<u8> {
        let mut xml = Xml { writer: Writer::new_with_indent(Vec::new(), b' ', 2) };
        xml.event(Event::Decl(BytesDecl::new("1.0", Some("UTF-8"), None)));
        let root = BytesStart::new(ROOT).with_attributes([("xmlns", namespace)]);
        xml.event(Event::Start(root));
        xml.element("Tipo", &[], self.tipo.as_str());
        if let Some(protocollo) = &self.protocollo_sostituito {
            xml.element("ProtocolloSostituito", &[], protocollo.as_str());
        }
        let (dal, al) = (self.periodo_imposta.dal.to_string(), self.periodo_imposta.al.to_string());
        let period = [("dal", dal.as_str()), ("al", al.as_str())];
        xml.event(Event::Empty(BytesStart::new("PeriodoImposta").with_attributes(period)));
        xml.soggetto("SoggettoInteressato", &self.soggetto_interessato);
        if let Some(responsabile) = &self.responsabile {
            xml.soggetto("ResponsabileConservazione", responsabile);
        }
        for delegato in &self.delegati {
            xml.soggetto("Delegato", delegato);
        }
        if let Some(luogo) = &self.luogo {
            xml.element("LuogoConservazione", &[], luogo.as_str());
        }
        xml.event(Event::Start(BytesStart::new("Documenti")));
        for code in &self.tipi_documento {
            xml.element("TipoDocumento", &[], code);
        }
        xml.event(Event::End(BytesEnd::new("Documenti")));
        let algoritmo = [("algoritmo", self.impronta.algoritmo.name())];
        xml.element("Impronta", &algoritmo, &hex::encode(&self.impronta.digest));
        let formato = [("formato", self.marca.formato.label())];
        xml.element("MarcaTemporale", &formato, &STANDARD.encode(&self.marca.bytes));
        xml.event(Event::End(BytesEnd::new(ROOT)));
        let mut bytes = xml.writer.into_inner();
        bytes.push(b'\n');
        bytes
    }
}

struct Xml {
    writer: Writer<Vec<u8>>,
}

impl Xml {
    fn event(&mut self, event: Event<'_>) {
        self.writer.write_event(event).expect("memory can be written");
    }

    fn element(&mut self, name: &str, attributes: &[(&str, &str)], text: &str) {
        let start = BytesStart::new(name).with_attributes(attributes.iter().copied());
        self.event(Event::Start(start));
        self.event(Event::Text(BytesText::new(text)));
        self.event(Event::End(BytesEnd::new(name)));
    }

    fn soggetto(&mut self, name: &str, soggetto: &Soggetto) {
        self.event(Event::Start(BytesStart::new(name)));
        self.element("CodiceFiscale", &[], soggetto.codice_fiscale.as_str());
        match &soggetto.nominativo {
            Nominativo::Denominazione(text) => self.element("Denominazione", &[], text.as_str()),
            Nominativo::Persona { cognome, nome } => {
                self.element("Cognome", &[], cognome.as_str());
                self.element("Nome", &[], nome.as_str());
            }
        }
        self.event(Event::End(BytesEnd::new(name)));
    }
}
