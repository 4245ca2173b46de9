import { at } from "../base";
import { InsecureNotice } from "../camera/InsecureNotice";
import { Card } from "../components/Card";
import { Page } from "../components/Page";
import { Link } from "../navigation";
import { Readiness } from "./Readiness";

/** What this is, and the way in. */
export function HomePage() {
  return (
    <Page
      title="Gestures, kept as numbers"
      lead="A3CP, the Ability-Adaptive Augmentative Communication Platform, turns camera captures of a person gesturing into landmark features: where face, hands and body are in each
        picture. For carers and researchers who work with people who cannot speak."
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
        <Card title="Bring a video">
          <p>A short video of up to two minutes becomes the same features as a capture by camera.</p>
          <p>
            <Link className="button button-primary" to="/upload">
              Upload a video
            </Link>
          </p>
        </Card>
      </div>
      <Card title="What is kept">
        <p>
          Of a capture, one file of numbers and one line in the session’s log. The pictures themselves are never written
          to a disk.
        </p>
        <p>
          Programs can do all of this, too:{" "}
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
