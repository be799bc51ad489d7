export default function TrackPage({ id }: { id: string }) {
  return <main id="main" className="page">{id}</main>;
}
