// Shows the document that the page names.
SwaggerUIBundle({
  url: document.currentScript.dataset.document,
  dom_id: "#page",
  deepLinking: true,
  displayOperationId: true,
  displayRequestDuration: true,
  filter: true,
  validatorUrl: "none",
});
