--- Cambia password di protezione: the same keys and certificates under a new password.
--
-- UTEF.P12, UTEC.P12 and UTENTE.KS are written anew one after the other, each opened again before the next.
-- After an interruption `ceralacca resume` finishes with both passwords; no file ever opens with neither.

local workflow = {
  summary = "Protect an environment with a new password",
  uses    = { "environment", "prompt" },
  input   = {
    folder = { type = "folder", prompt = "Percorso dell'ambiente di sicurezza", setting = "environment" },
  },
}

function workflow.run(input)
  stage "Cambia password di protezione"
  local env = environment.open(input.folder, prompt.secret "password_esistente")
  local changed = env:change_password(prompt.choose_secret "password")
  return { folder = changed.folder, expires = changed.expires }
end
return workflow
