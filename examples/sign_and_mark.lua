--- Sign a document and put a mark into the signature (CAdES B-T).

local workflow = {
  summary = "Sign a document and mark the signature",
  uses    = { "inspect", "keystore", "prompt", "signing", "timestamp" },
  input   = {
    document = { type = "file", prompt = "Documento" },
    signer   = { type = "file", prompt = "PKCS#12 di chi firma" },
    detached = { type = "flag", prompt = "Firma separata dal documento", preset = false },
  },
}

function workflow.run(input)
  stage "Firma"
  local signer = keystore.open_pkcs12(input.signer, prompt.secret "signer_password")
  local document = inspect.document(input.document)
  local signed = signing.cades(document, signer:require_valid_now(), { detached = input.detached })

  stage "Marca temporale"
  local marked = timestamp.mark_signature(signed)
  return { signed = signed, marked = marked }
end

return workflow
