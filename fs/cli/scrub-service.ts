/**
 * The server's side of `varve scrub`: at most one scrub of a mount at a time, which goes on when whoever started it
 * has left, and whose result is kept until the next one begins or the volume is unmounted.
 */
import { VolumeError } from '../errors.js';
import { findingText, type ScrubStatus } from '../scrub/report.js';
import { Scrub } from '../scrub/scrub.js';
import type { Volume } from '../volume/volume.js';
import type { Arguments, Control } from './control.js';

/** Findings that are logged one by one; the report has more. */
const mostLogged = 100;

export class ScrubService {
  private scrub: Scrub | undefined;

  constructor(
    private readonly volume: Volume,
    /** Requests served so far. */
    private readonly served: () => number,
    private readonly log: (line: string) => void,
  ) {}

  /** Answer `scrub-start` (`rate`: bytes a second), `scrub-status` and `scrub-cancel`; null: there was none. */
  answer(control: Control): void {
    control.on('scrub-start', (given) => this.start(given));
    control.on('scrub-status', () => this.scrub?.status ?? null);
    control.on('scrub-cancel', async () => {
      await this.stop();
      return this.scrub?.status ?? null;
    });
  }

  get running(): boolean {
    return this.scrub?.status.state === 'running';
  }

  /** Before the volume is closed. */
  async stop(): Promise<void> {
    await this.scrub?.stop();
  }

  private start({ rate }: Arguments): ScrubStatus {
    if (this.running) throw new VolumeError('in-use', 'a scrub is running already');
    let logged = 0;
    const scrub = new Scrub(this.volume, {
      ...(typeof rate === 'number' && rate > 0 ? { rate } : {}),
      served: this.served,
      onFinding: (finding) => {
        if (++logged <= mostLogged) this.log(`scrub: ${findingText(finding)}`);
      },
    });
    this.scrub = scrub;
    void scrub.ended.then(() => {
      const { state, errors, failure } = scrub.status;
      this.log(`scrub: ${state}, ${errors} errors${failure === undefined ? '' : `: ${failure}`}`);
    });
    return scrub.status;
  }
}
