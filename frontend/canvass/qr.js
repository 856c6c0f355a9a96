// The QR of a receipt's address. What changes with the code changes by itself alone: a QR code is
// linear, so each bit of each letter turns over the same modules whatever the others are. The kit
// brings the picture of all zeros and, for each bit, what it turns over.

const SVG = "http://www.w3.org/2000/svg";

/**
 * The modules row by row, 1 for a dark one.
 * @param {{size: number, zeros: string, turns: string[][]}} qr @param {string} code
 */
export function modules({ size, zeros, turns }, code) {
  let all = BigInt(`0x${zeros}`);
  turns.forEach((bits, at) => {
    bits.forEach((turned, bit) => {
      if (((code.charCodeAt(at) ^ 48) >> bit) & 1) all ^= BigInt(`0x${turned}`);
    });
  });
  return all.toString(2).padStart(size * size, "0");
}

/** @param {{size: number, zeros: string, turns: string[][]}} qr @param {string} code */
export function draw(qr, code) {
  const picture = document.createElementNS(SVG, "svg");
  picture.setAttribute("viewBox", `-4 -4 ${qr.size + 8} ${qr.size + 8}`);
  picture.setAttribute("class", "qr");
  picture.setAttribute("aria-hidden", "true");
  const path = document.createElementNS(SVG, "path");
  let dark = "";
  [...modules(qr, code)].forEach((module, at) => {
    if (module === "1") dark += `M${at % qr.size} ${Math.floor(at / qr.size)}h1v1h-1z`;
  });
  path.setAttribute("d", dark);
  picture.append(path);
  return picture;
}
