import { QueryClient, QueryClientProvider } from "@tanstack/react-query";
import { createRoot } from "react-dom/client";
import { Router } from "wouter";
import { isSharedPage } from "./api/credential";
import { ApiProblem } from "./api/problem";
import { ROOT_PATH } from "./api/root";
import { App } from "./app/App";
import { joinSession, takeKeyFromAddress } from "./api/session";
import { applyTheme } from "./ui/theme";
import "./styles/tokens.css";
import "./styles/base.css";
import "./styles/controls.css";
import "./styles/shell.css";

const queries = new QueryClient({
  defaultOptions: {
    queries: {
      staleTime: 10_000,
      retry: (failures, error) => failures < 3 && (!(error instanceof ApiProblem) || error.retryable),
    },
  },
});

applyTheme();
if (!isSharedPage()) joinSession();
window.addEventListener("hashchange", () => (isSharedPage() ? location.reload() : takeKeyFromAddress()));

const root = document.getElementById("root");
if (root) {
  createRoot(root).render(
    <QueryClientProvider client={queries}>
      <Router base={ROOT_PATH}>
        <App />
      </Router>
    </QueryClientProvider>,
  );
}
