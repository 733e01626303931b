// The picture that a saved notebook shows in the place of a Lab.
//
// The kernel renews it as an output of its cell. A page that was loaded again does not know any more which cell that is,
// and drops it. So the page brings the notebook up to date by itself.

function renewStill(model, { id, words, picture }) {
  const cells = model.widget_manager?.context?.model?.cells; // JupyterLab and Notebook
  for (const cell of cells || []) {
    const outputs = cell.outputs;
    for (let k = 0; outputs && k + 1 < outputs.length; k++) {
      const html = outputs.get(k).toJSON().data?.["text/html"];
      if (!html || ![html].flat().join("").includes(`data-still="${id}"`)) continue;
      renewOutput(outputs, k, words);
      renewOutput(outputs, k + 1, picture);
    }
  }
}

// Replace an output, unless it is the same: that would mark the notebook as changed.
function renewOutput(outputs, k, data) {
  const now = outputs.get(k).toJSON();
  const same = ([kind, value]) => [now.data?.[kind] ?? ""].flat().join("").trimEnd() === value.trimEnd();
  if (Object.entries(data).every(same)) return;
  outputs.set(k, { output_type: "display_data", data, metadata: {} });
}
