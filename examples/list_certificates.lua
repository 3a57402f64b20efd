--- List the certificates of a security environment and when they end.

local workflow = {
  summary = "List the certificates of a security environment",
  uses    = { "environment", "prompt" },
  input   = {
    folder = { type = "folder", prompt = "Percorso dell'ambiente di sicurezza", setting = "environment" },
  },
}

function workflow.run(input)
  stage "Visualizza certificati"
  local env = environment.open(input.folder, prompt.secret "password_esistente")
  return { certificates = env.certificates, expires = env.expires }
end

return workflow
