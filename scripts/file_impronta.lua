--- File the impronta of a digital archive: from a folder of documents to an accepted receipt.
--
-- The index is signed by the responsabile della conservazione, the file for the Agency by the environment's
-- key: two identities. `ceralacca resume` buys no second mark and sends nothing twice.

local workflow = {
  summary = "Sign, mark and file the impronta of a digital archive",
  uses    = { "agency", "archive", "environment", "impronta", "keystore", "prompt", "signing", "timestamp" },
  input   = {
    archive        = { type = "path", prompt = "Archivio informatico: cartella dei lotti, o file con l'elenco" },
    lots           = { type = "text", prompt = "Lotti: folders, ogni sottocartella, oppure one", preset = "folders" },
    dal            = { type = "date", prompt = "Periodo d'imposta, dal" },
    al             = { type = "date", prompt = "Periodo d'imposta, al" },
    codice_fiscale = { type = "codice_fiscale", prompt = "Soggetto interessato: codice fiscale" },
    denominazione  = { type = "text", prompt = "Soggetto interessato: denominazione" },
    tipi_documento = { type = "list", prompt = "Tipi di documento, come D01,D09" },
    luogo          = { type = "text", prompt = "Luogo di conservazione", optional = true },
    signer         = { type = "signer", prompt = "Firma del responsabile della conservazione: PKCS#12, o chiave di un dispositivo" },
    environment    = { type = "folder", prompt = "Percorso dell'ambiente di sicurezza", setting = "environment" },
    utente         = { type = "text", prompt = "Accesso ai servizi: utente", optional = true },
    on_behalf_of   = { type = "account", prompt = "Invio per conto di: codice fiscale/sede", optional = true },
  },
}

function workflow.run(input)
  stage "Calcola l'impronta"
  local index = archive.index(input.archive, { digest = "sha256", lots = input.lots })

  stage "Firma"
  local signer = keystore.open_signer(input.signer)   -- asks for "signer_password", or a device's PIN
  local signed = signing.cades(index, signer:require_valid_now())    -- indice.xml.p7m

  stage "Marca temporale"
  local mark = timestamp.request(signed):require_covers(signed)      -- indice.xml.p7m.tsr

  stage "Componi la comunicazione"
  local communication = impronta.communication {
    dal = input.dal, al = input.al, tipi_documento = input.tipi_documento, luogo = input.luogo,
    soggetto_interessato = { codice_fiscale = input.codice_fiscale, denominazione = input.denominazione },
    signed = signed, mark = mark,
  }

  stage "Controlla"
  local checked = communication:control():require_clean()            -- .dgn, controllati

  stage "Firma e cifra"
  local env = environment.open(input.environment, prompt.secret "password_esistente")
  local sealed = env:seal(checked.document, agency.ca_certificates())  -- .ccf

  stage "Invia"
  local receipt = agency.portal(input.utente, input.on_behalf_of):submit(sealed):wait "30d"

  stage "Ricevuta"
  local opened = receipt:open(env)                                   -- .rcc, .p7m, .rel
  receipt:require_accepted()
  return { protocollo = opened.protocollo, impronta = mark.imprint, marca = mark.gen_time, ricevuta = opened.rel }
end
return workflow
