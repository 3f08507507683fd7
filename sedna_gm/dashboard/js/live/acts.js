// What a person does to a job, each asked for once more before it is done, and told about after.

import { PAUSED, ROLLBACK, TRIGGER } from "../logic/jobs.js";
import { link } from "../logic/routes.js";
import { confirmed } from "../parts/dialogs.js";
import { complain, notice } from "../parts/telling.js";
import { address, ask, patch } from "./api.js";

const jobAt = ({ metadata }) => address("incrementallearningjobs", metadata.namespace, metadata.name);

async function done(work, sentence) {
  try {
    await work();
    notice(sentence);
    return true;
  } catch (error) {
    complain(error);
    return false;
  }
}

const annotated = (path, name, value) => patch(path, { metadata: { annotations: { [name]: value } } });

export async function pause(job) {
  const { name } = job.metadata;
  const sure = await confirmed(`Pause ${name}?`, [
    "No new round and no deployment begins until somebody resumes it. What runs goes on, and the model that is deployed serves on.",
  ], "Pause the job");
  if (sure) await done(() => annotated(jobAt(job), PAUSED, "true"), `${name} is paused.`);
}

export const resume = (job) => done(() => annotated(jobAt(job), PAUSED, null), `${job.metadata.name} goes on.`);

const STAGES = {
  train: ["Train now", "A round begins with the samples that there are, without waiting for more of them or for the window."],
  eval: ["Evaluate again", "The last trained model is compared with the deployed one once more."],
  deploy: ["Deploy the last model", "The last trained model is deployed, whatever its metrics say."],
};

export async function trigger(job, stage) {
  const [verb, sentence] = STAGES[stage];
  if (await confirmed(`${verb}?`, [sentence], verb)) {
    await done(() => annotated(jobAt(job), TRIGGER, stage), `${job.metadata.name} was asked to ${stage}.`);
  }
}

export async function remove(job) {
  const { name, namespace } = job.metadata;
  const sure = await confirmed(`Delete ${name}?`, [
    "Its workers are ended, the model is served no more, and its history of rounds goes. Datasets and models stay.",
    "This cannot be taken back.",
  ], `Delete ${name}`, true);
  const gone = sure && (await done(() => ask("DELETE", jobAt(job)), `${name} is being deleted.`));
  if (gone) location.hash = link("overview", { namespace });
}

/** Serves the version of another round again. */
export async function rollBack(job, version) {
  const model = job.spec.deploySpec.model.name;
  const sure = await confirmed(`Serve version ${version.round} again?`, [
    `${model} goes back to the version of round ${version.round}. The present one stays within reach.`,
  ], "Roll back");
  if (!sure) return;
  const path = address("models", job.metadata.namespace, model);
  await done(() => annotated(path, ROLLBACK, String(version.round)), `Version ${version.round} was asked for.`);
}
