// htmx turns answers into page parts, and the policy of this site lets only checked text become
// one: this default policy throws on anything that could run. Loaded before htmx.
if (window.trustedTypes && window.trustedTypes.createPolicy) {
  const runs = /<script|<iframe|<object|<embed|\son[a-z]+\s*=|javascript:/i;
  window.trustedTypes.createPolicy("default", {
    createHTML: (text) => {
      if (runs.test(text)) throw new TypeError("This answer holds something that could run.");
      return text;
    },
    createScriptURL: (address) => {
      if (new URL(address, location.href).origin !== location.origin) {
        throw new TypeError("Scripts come from this site only.");
      }
      return address;
    },
  });
}
