--- Set up an Entratel security environment: the Lua twin of scripts/setup_environment.rhai.
--
-- Same stages, same primitives, same journal; only the punctuation differs. Copy either one into the
-- `scripts/` folder of a workspace to make it yours.

local workflow = {
  summary = "Generate and certify an Entratel security environment",
  uses    = { "agency", "environment", "identity", "prompt" },
  input   = {
    codice_fiscale = { type = "codice_fiscale", prompt = "Codice fiscale dell'utenza telematica" },
    sede           = { type = "sede", prompt = "Progressivo sede", preset = "000" },
    folder         = { type = "folder", prompt = "Percorso dell'ambiente di sicurezza", setting = "environment" },
    utente         = { type = "text", prompt = "Accesso ai servizi: utente", optional = true },
    numero_busta   = { type = "text", prompt = "Numero busta, per la scheda di recupero", optional = true },
    on_behalf_of   = { type = "account", prompt = "Invio per conto di: codice fiscale/sede", optional = true },
  },
}

function workflow.run(input)
  local account = identity.account(input.codice_fiscale, input.sede)

  stage "Imposta ambiente"
  local pincode = prompt.secret "pincode"
  local pin_di_revoca = prompt.choose_secret "pin_di_revoca"
  local password = prompt.choose_secret "password"

  stage "Genera ambiente"
  local env = environment.create(input.folder, password)
  env:generate_keys { signing = "rsa-4096", encryption = "rsa-4096" }

  stage "Genera richiesta"
  local request = env:certificate_request(account, pincode, pin_di_revoca, agency.ca_certificates())

  stage "Riepilogo della richiesta"
  prompt.summary("Riepilogo della richiesta", env:request_summary())
  env:recovery_sheet(input.numero_busta)

  stage "Invia richiesta"
  local portal = agency.portal(input.utente, input.on_behalf_of)
  local receipt = portal:submit(request):wait("30d"):require_accepted()

  stage "Importa certificati"
  env:import_certificates(receipt:attachment "CERTIF.IN")
  env:recovery_sheet(input.numero_busta)

  return { folder = env.folder, expires = env.expires, protocollo = receipt.protocollo }
end

return workflow
