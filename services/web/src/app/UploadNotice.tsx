import { Link, useLocation } from "wouter";
import { useUploads } from "../library/uploads";

/** How far uploads are, on pages that do not list them. */
export function UploadNotice() {
  const [location] = useLocation();
  const uploads = useUploads();
  const failed = uploads.filter(({ phase }) => phase === "failed").length;
  const going = uploads.filter(({ phase }) => phase !== "done" && phase !== "failed").length;
  if (location === "/" || going + failed === 0) return null;
  return (
    <aside className="uploading" aria-label="Uploads" aria-live="polite">
      <span>
        {going ? `Adding ${counted(going)} …` : null} {failed ? `${counted(failed)} failed.` : null}
      </span>
      <Link href="/">Show</Link>
    </aside>
  );
}

function counted(count: number): string {
  return count === 1 ? "1 recording" : `${count} recordings`;
}
