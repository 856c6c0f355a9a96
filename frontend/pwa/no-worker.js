// The kill switch: served in the worker's place, it forgets every cache and takes itself away.
self.addEventListener("install", () => /** @type {any} */ (self).skipWaiting());
self.addEventListener("activate", (event) => {
  const worker = /** @type {any} */ (self);
  /** @type {any} */ (event).waitUntil(
    (async () => {
      for (const name of await caches.keys()) await caches.delete(name);
      await worker.registration.unregister();
      for (const client of await worker.clients.matchAll({ type: "window" })) {
        client.navigate(client.url);
      }
    })(),
  );
});
