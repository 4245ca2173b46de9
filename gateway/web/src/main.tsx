import { StrictMode } from "react";
import { createRoot } from "react-dom/client";

import { App } from "./App";
import { registerWorker } from "./phone/registerWorker";
import "./styles/main.css";
import "./styles/docs.css";

const root = document.getElementById("root");
if (root) {
  createRoot(root).render(
    <StrictMode>
      <App />
    </StrictMode>,
  );
}

// after the page has loaded, so that the worker's files do not delay it
if (import.meta.env.PROD) window.addEventListener("load", () => void registerWorker());
