--- Cambia password di protezione: the same keys and certificates under a new password.
--
-- UTEF.P12, UTEC.P12 and UTENTE.KS are written anew one after the other, each opened again before the next.
-- After an interruption `ceralacca resume`, or running it again with both passwords, finishes; no file ever
-- opens with neither.

local workflow = {
  summary = "Protect an environment with a new password",
  uses    = { "environment", "prompt" },
  input   = {
    folder = { type = "folder", prompt = "Percorso dell'ambiente di sicurezza", setting = "environment" },
  },
}

function workflow.run(input)
  stage "Cambia password di protezione"
  local old, new = prompt.secret "password_esistente", prompt.choose_secret "password"
  local changed = environment.finish_password_change(input.folder, old, new)
  return { folder = changed.folder, expires = changed.expires }
end
return workflow
