import { at } from "../base";
import { InsecureNotice } from "../camera/InsecureNotice";
import { Card } from "../components/Card";
import { Page } from "../components/Page";
import { Link } from "../navigation";
import { Readiness } from "./Readiness";

/** The first page: what the product does, and links to the other pages. */
export function HomePage() {
  return (
    <Page
      title="Gestures, kept as numbers"
      lead="A3CP, the Ability-Adaptive Augmentative Communication Platform, records a person’s gestures with a camera and keeps only numbers: the positions of face, hands and body in each
        picture. It is for carers and researchers who work with people who cannot speak."
    >
      <InsecureNotice />
      <div className="cards">
        <Card title="Record a gesture">
          <p>
            Start a session, turn the camera on, and record what a person says with a gesture, in up to two minutes.
          </p>
          <p>
            <Link className="button button-primary" to="/demo/gesture">
              Record a gesture
            </Link>
          </p>
        </Card>
        <Card title="See what the camera sees">
          <p>The landmarks of face, hands and body, drawn over the picture while you move. Nothing is kept.</p>
          <p>
            <Link className="button button-primary" to="/live">
              Open the live view
            </Link>
          </p>
        </Card>
        <Card title="Use a video">
          <p>
            Upload a video of up to two minutes. The server keeps the same numbers as from a capture with the camera.
          </p>
          <p>
            <Link className="button button-primary" to="/upload">
              Upload a video
            </Link>
          </p>
        </Card>
      </div>
      <Card title="What is kept">
        <p>
          For each capture, the server keeps one file of numbers and one line in the session’s log. It never writes the
          pictures to a disk.
        </p>
        <p>
          The library shows each capture in motion, with its quality and what the person agreed to. There you judge,
          correct and withdraw.
        </p>
        <p>
          <Link className="button button-quiet" to="/library">
            Open the library
          </Link>
        </p>
        <p>
          Programs can do all of this too:{" "}
          <a href={at("/docs")} target="_blank" rel="noopener">
            the interfaces
          </a>{" "}
          (in a new tab).
        </p>
        <Readiness />
      </Card>
    </Page>
  );
}
