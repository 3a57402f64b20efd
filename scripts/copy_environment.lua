--- Copia ambiente: the three files on a second medium, read back and opened there.
--
-- Nothing on the second medium is overwritten. Environments that were set aside are not copied.

local workflow = {
  summary = "Copy an environment to a second medium and open the copy",
  uses    = { "environment", "prompt" },
  input   = {
    folder = { type = "folder", prompt = "Percorso dell'ambiente di sicurezza", setting = "environment" },
    copy   = { type = "folder", prompt = "Dove copiarlo" },
  },
}

function workflow.run(input)
  local password = prompt.secret "password_esistente"

  stage "Copia ambiente"
  local env = environment.open(input.folder, password)
  local copied = env:copy_to(input.copy)

  stage "Visualizza certificati"
  local copy = environment.open(input.copy, password)
  return { folder = copy.folder, expires = copy.expires, note = copied.note }
end
return workflow
