--- Write the index of a digital archive: every document with its size and digest, lot by lot.

local workflow = {
  summary = "Index a digital archive",
  uses    = { "archive" },
  input   = {
    archive = { type = "path", prompt = "Archivio informatico: cartella dei lotti, o file con l'elenco" },
  },
}

function workflow.run(input)
  stage "Calcola l'impronta"
  return { index = archive.index(input.archive, { lots = "folders" }) }
end

return workflow
