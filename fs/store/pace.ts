/**
 * Whether a call to the host is quick enough to be made in place, or should go to a thread so that other
 * requests are served meanwhile. A trip to a thread and back costs 24 to 200 us, so a quick call is cheaper in
 * place, and a slow one blocks everybody.
 *
 * It keeps a moving average of what recent calls took, wherever they ran. Time spent on a thread includes the
 * trip, so going back in place asks for a shorter time than leaving did.
 */
export class Pace {
  private average = 0;
  private inPlace = true;
  private since = 0;

  /** `limit`: longest average in milliseconds for which calls stay in place. */
  constructor(private readonly limit: number) {}

  /** Shall the next call be made in place? Now and then one is, to learn what it takes today. */
  get quick(): boolean {
    return this.inPlace || this.since >= 256;
  }

  /** A call took `milliseconds`, in place or `onThread`. */
  took(milliseconds: number, onThread: boolean): void {
    this.since = onThread ? this.since + 1 : 0;
    this.average += (milliseconds - this.average) / 8;
    // One call that took very long is reason enough to leave.
    if (!onThread && milliseconds > this.limit * 8) this.average = Math.max(this.average, this.limit * 2);
    if (this.inPlace) this.inPlace = this.average <= this.limit;
    else if (!onThread && milliseconds <= this.limit / 2) {
      this.inPlace = true;
      this.average = milliseconds;
    } else this.inPlace = this.average <= this.limit * 0.8;
  }
}
