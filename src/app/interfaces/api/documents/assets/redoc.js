// Shows the document that the page names. What ReDoc writes into style elements carries the nonce;
// its own scroll bars write theirs before they could know it.
const { dataset, nonce } = document.currentScript;
Redoc.init(dataset.document, { nonce, nativeScrollbars: true }, document.getElementById("page"));
