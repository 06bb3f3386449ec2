-- Every statement of the product, each with a name and a reason.

-- name: arrival_item  An unchanged file of a source is neither read nor copied twice.
SELECT item.* FROM arrival JOIN item ON item.id = arrival.item_id
WHERE arrival.source = :source AND arrival.name = :name AND fingerprint = :fingerprint;

-- name: fate  Whether an arrival's item is everywhere, or what keeps it from going on by itself.
SELECT item.state = 'done' AS done,
       CASE WHEN item.state IN ('held', 'quarantined', 'ignored') THEN item.code
            ELSE ifnull((SELECT code FROM delivery
                         WHERE item_id = item.id AND state = 'held' LIMIT 1), '') END AS stuck
FROM arrival JOIN item ON item.id = arrival.item_id
WHERE arrival.source = :source AND arrival.name = :name AND fingerprint = :fingerprint;

-- name: item_by_key  The same bytes with the same evidence are the same item.
SELECT * FROM item WHERE sha256 = :sha256 AND evidence_digest = :evidence_digest;

-- name: heirs  Who has the source files of a duplicate: the same content, under the same name.
SELECT DISTINCT item.* FROM arrival JOIN item ON item.id = arrival.item_id
JOIN body AS mine ON mine.item_id = :item_id
JOIN body AS other ON other.item_id = item.id AND other.digest = mine.digest
WHERE arrival.source = :source AND arrival.name = :name AND item.id != :item_id;

-- name: was_shown  Whether a source showed that very file, last written then, as these bytes; what
-- gave its key away has a mark behind it.
SELECT 1 FROM arrival
WHERE source = :source AND name = :name AND fingerprint = :fingerprint
  AND EXISTS (SELECT 1 FROM item WHERE sha256 = :sha256 AND modified_at = :modified_at
              AND instr(evidence_digest || ' ', :evidence_digest || ' ') = 1);

-- name: rekey  The same bytes with the same evidence are to be another item from now on.
UPDATE item SET evidence_digest = evidence_digest || :mark WHERE id = :item_id;

-- name: copy_evidence  The same bytes say the same.
UPDATE item SET evidence = (SELECT evidence FROM item WHERE id = :from_item) WHERE id = :to_item;

-- name: copy_bodies  And hold the same objects.
INSERT INTO body (item_id, number, kind, transfer_syntax_uid, digest, slices, attributes)
SELECT :to_item, number, kind, transfer_syntax_uid, digest, slices, attributes FROM body
WHERE item_id = :from_item;

-- name: tested_sources  Which sources worklists for tests serve.
SELECT name FROM environment WHERE kind = 'source' AND environment = 'test';

-- name: add_item  A file was accepted.
INSERT INTO item (sha256, evidence_digest, size_bytes, source, name, sidecars, modified_at,
                  state, code, sentence, hint, arrived_at, changed_at, changed_by, clock_unsure)
VALUES (:sha256, :evidence_digest, :size_bytes, :source, :name, :sidecars, :modified_at,
        :state, :code, :sentence, :hint, :now, :now, :who, :unsure)
RETURNING id;

-- name: set_found_aside  Whoever brings the file of one that was found goes on in its place.
UPDATE item SET state = 'ignored', code = :code, sentence = :sentence, hint = :hint, tries = 0,
                not_before = '', changed_at = :now, changed_by = :who
WHERE sha256 = :sha256 AND id != :item_id AND source = :found AND identity = ''
      AND claimed_by IS NULL AND state IN ('arrived', 'converted', 'held', 'quarantined');

-- name: take_up_whole  What was set aside as cut off has come whole: the same bytes, all of them written.
UPDATE item SET state = 'arrived', code = 'retried', sentence = :sentence, hint = '', tries = 0,
                not_before = '', changed_at = :now, changed_by = :who
WHERE id = :item_id AND state = 'quarantined' AND code = 'incomplete' AND claimed_by IS NULL;

-- name: add_arrival  A source showed a file, new or not.
INSERT INTO arrival (item_id, source, name, path, fingerprint, seen_at)
VALUES (:item_id, :source, :name, :path, :fingerprint, :now)
ON CONFLICT (source, name, fingerprint) DO UPDATE SET item_id = excluded.item_id
RETURNING id;

-- name: remark  Something worth knowing that is not a move.
INSERT INTO history (item_id, at, who, before, after, code, sentence)
SELECT id, :now, :who, state, state, :code, :sentence FROM item WHERE id = :item_id;

-- name: claim_item  Take up a free item of a state: of each source one in turn, after the one that
-- was served last, its oldest first; those that were tried before come after all others.
-- One that the worker itself left behind (the disk was full) comes again and is not counted.
-- Nothing is begun by a box that hands over: what was, comes to its end, and then all is still.
WITH RECURSIVE turn (source) AS (
    SELECT min(source) FROM item
    WHERE state = :state AND state IN ('arrived', 'converted', 'identified')
    UNION ALL
    SELECT (SELECT min(source) FROM item
            WHERE state = :state AND state IN ('arrived', 'converted', 'identified')
              AND source > turn.source)
    FROM turn WHERE turn.source IS NOT NULL
)
UPDATE item SET tries = tries + iif(claimed_by IS NULL, 1, 0), claimed_by = :worker
WHERE id = (SELECT first.id FROM turn CROSS JOIN item AS first ON first.id =
                (SELECT id FROM item
                 WHERE state = :state AND state IN ('arrived', 'converted', 'identified')
                   AND source = turn.source AND (claimed_by IS NULL OR claimed_by = :worker)
                   AND (not_before <= :now OR not_before > :horizon)
                 ORDER BY tries, id LIMIT 1)
            ORDER BY first.tries, turn.source <= :after, turn.source LIMIT 1)
  AND (SELECT state FROM charge) = 'here'
RETURNING *;

-- name: item  One item by its number.
SELECT * FROM item WHERE id = :item_id;

-- name: move_item  Claimed items only: whoever lost the claim changes nothing.
UPDATE item SET state = :state, code = :code, sentence = :sentence, hint = :hint,
                claimed_by = NULL, tries = 0, not_before = '', changed_at = :now,
                changed_by = :worker
WHERE id = :item_id AND claimed_by = :worker;

-- name: remark_anew  Why an item waits, where it was not said before; runs before put_off.
INSERT INTO history (item_id, at, who, before, after, code, sentence)
SELECT id, :now, :who, state, state, :code, :sentence FROM item
WHERE id = :item_id AND sentence != :sentence;

-- name: put_off  It stays where it is, and is taken up again later.
UPDATE item SET claimed_by = NULL, tries = 0, not_before = :not_before, code = :code,
                sentence = :sentence, hint = :hint
WHERE id = :item_id AND claimed_by = :worker;

-- name: next_converted  When the next item that waits for its order wants attention.
SELECT min(not_before) AS due FROM item
WHERE state = 'converted' AND not_before != '' AND claimed_by IS NULL;

-- name: count_put_off  How many items wait for their order.
SELECT count(*) AS n FROM item WHERE state = 'converted' AND not_before != '';

-- name: hurry_item  Not to be waited for any longer; the state stays.
UPDATE item SET not_before = ''
WHERE id = :item_id AND state = 'converted' AND not_before != '' AND claimed_by IS NULL;

-- name: add_kin  Whom an image names, by the UID of its study or series.
INSERT INTO kin (uid, patient, item_id) VALUES (:uid, :patient, :item_id) ON CONFLICT DO NOTHING;

-- name: named_by_kin  Everybody whom other images of a study or series name, those set aside not counted.
SELECT named.patient FROM (SELECT DISTINCT patient FROM kin WHERE uid = :uid) AS named
WHERE EXISTS (SELECT 1 FROM kin JOIN item ON item.id = kin.item_id
              WHERE kin.uid = :uid AND kin.patient = named.patient
                AND kin.item_id != :item_id AND item.state != 'ignored');

-- name: patients_gone_on  Whom other images of a study or series are of that have gone on, or will
-- without anybody saying once more whose they are.
SELECT DISTINCT kin.patient FROM kin JOIN item ON item.id = kin.item_id
WHERE kin.uid = :uid AND kin.item_id != :item_id
  AND (item.state IN ('identified', 'routed', 'done')
       OR (item.state = 'held' AND item.identity != ''));

-- name: forget_kin  It was read anew, or a person said that it is of somebody else.
DELETE FROM kin WHERE item_id = :item_id;

-- name: hold_kin  What of a study of two patients nobody vouches for and has not been routed.
UPDATE item SET state = 'held', code = :code, sentence = :sentence, hint = :hint, identity = '',
                changed_at = :now, changed_by = :who
WHERE id IN (SELECT item_id FROM kin WHERE uid = :uid) AND id != :item_id
  AND state = 'identified' AND claimed_by IS NULL
  AND json_extract(identity, '$.proof') != 'person';

-- name: doubt_held_kin  And what of it is held for another reason, its patient decided: whatever
-- lets it go on would send it, and nobody would have looked. What was made while testing goes nowhere.
UPDATE item SET code = :code, sentence = :sentence, hint = :hint, identity = '',
                changed_at = :now, changed_by = :who
WHERE id IN (SELECT item_id FROM kin WHERE uid = :uid) AND id != :item_id
  AND state = 'held' AND code != 'made-while-testing'
  AND json_extract(nullif(identity, ''), '$.proof') != 'person' RETURNING id;

-- name: hold_kins_deliveries  And what of it is routed and has not been sent. Who makes one of them
-- anew just now loses it.
UPDATE delivery SET state = 'held', code = :code, sentence = :sentence, hint = :hint,
                    claimed_by = NULL, changed_at = :now, changed_by = :who
WHERE item_id IN (SELECT item_id FROM kin WHERE uid = :uid) AND item_id != :item_id
  AND (state = 'waiting' OR (state IN ('prepared', 'deferred') AND claimed_by IS NULL))
  AND (SELECT json_extract(identity, '$.proof') FROM item WHERE id = item_id) != 'person';

-- name: doubt_kins_deliveries  What is being sent just now is held unless it is taken, and says so
-- by a reason, which nothing has that is being sent.
UPDATE delivery SET code = :code, sentence = :sentence, hint = :hint
WHERE item_id IN (SELECT item_id FROM kin WHERE uid = :uid) AND item_id != :item_id
  AND state = 'active'
  AND (SELECT json_extract(identity, '$.proof') FROM item WHERE id = item_id) != 'person';

-- name: hold_twin  The same image came for somebody else: nobody vouches for this one, and it has not
-- been routed. Its patient is forgotten, so that it is looked at anew before it goes on.
UPDATE item SET state = 'held', code = :code, sentence = :sentence, hint = :hint, identity = '',
                claimed_by = NULL, tries = 0, not_before = '', changed_at = :now, changed_by = :who
WHERE id = :twin_id
  AND (state = 'identified' OR (state = 'converted' AND (not_before != '' OR :never_meets)))
  AND ifnull(json_extract(nullif(identity, ''), '$.proof'), '') != 'person';

-- name: doubt_held_twin  Or it is held for less, and would go on by itself, or by a nod.
UPDATE item SET code = :code, sentence = :sentence, hint = :hint, identity = ''
WHERE id = :twin_id AND state = 'held'
  AND code NOT IN ('identity-conflict', 'mixed-patients', 'made-while-testing')
  AND ifnull(json_extract(nullif(identity, ''), '$.proof'), '') != 'person';

-- name: hold_twins_deliveries  Or it is routed: as hold_kins_deliveries.
UPDATE delivery SET state = 'held', code = :code, sentence = :sentence, hint = :hint,
                    claimed_by = NULL, not_before = '', changed_at = :now, changed_by = :who
WHERE item_id = :twin_id
  AND (state = 'waiting' OR (state IN ('prepared', 'deferred') AND claimed_by IS NULL))
  AND NOT EXISTS (SELECT 1 FROM item WHERE id = item_id
                  AND json_extract(nullif(identity, ''), '$.proof') = 'person');

-- name: doubt_twins_deliveries  Or it is being sent: as doubt_kins_deliveries.
UPDATE delivery SET code = :code, sentence = :sentence, hint = :hint
WHERE item_id = :twin_id AND state = 'active'
  AND NOT EXISTS (SELECT 1 FROM item WHERE id = item_id
                  AND json_extract(nullif(identity, ''), '$.proof') = 'person');

-- name: hold_doubted  It was not taken, and somebody must look at it before it goes again.
UPDATE delivery SET state = 'held', claimed_by = NULL, not_before = '', changed_at = :now,
                    changed_by = :who
WHERE claimed_by = :worker AND state = 'active' AND code != '' AND id = ifnull(:delivery_id, id);

-- name: write_evidence  What convert found.
UPDATE item SET evidence = :evidence WHERE id = :item_id;

-- name: clear_bodies  Before an item is converted again.
DELETE FROM body WHERE item_id = :item_id;

-- name: add_body  One object inside an item.
INSERT INTO body (item_id, number, kind, transfer_syntax_uid, digest, slices, attributes)
VALUES (:item_id, :number, :kind, :transfer_syntax_uid, :digest, :slices, :attributes);

-- name: bodies  The objects of an item in their order.
SELECT * FROM body WHERE item_id = :item_id ORDER BY number;

-- name: write_identity  Whose the item is, decided.
UPDATE item SET identity = :identity WHERE id = :item_id;

-- name: twins  Other items with an object in common, not counting what a rule set aside.
SELECT DISTINCT item.* FROM item
JOIN body mine ON mine.item_id = :item_id
JOIN body other ON other.digest = mine.digest AND other.item_id = item.id
WHERE item.id != :item_id AND item.state != 'ignored' ORDER BY item.id;

-- name: beyond  An object that an item has and another lacks, each counted as often as it is there.
SELECT 1 FROM (SELECT digest, count(*) AS n FROM body WHERE item_id = :item_id GROUP BY digest) AS mine
WHERE n > (SELECT count(*) FROM body WHERE item_id = :other_id AND digest = mine.digest) LIMIT 1;

-- name: namesakes  Other images that its source showed before under an item's name, the latest first:
-- with one of these sidecars, or with whichever where its own are `listed`. Their copies count, too, for
-- the arrivals of what was set aside as a copy are another's now.
WITH shown (id) AS (SELECT item_id FROM arrival WHERE source = :source AND name = :name),
     former (id) AS (SELECT id FROM shown UNION
                     SELECT copy.item_id FROM shown JOIN body ON body.item_id = shown.id
                     JOIN body AS copy ON copy.digest = body.digest)
SELECT item.* FROM former CROSS JOIN item ON item.id = former.id
WHERE item.id < :item_id AND item.sha256 != :sha256 AND item.sidecars != '{}'
  AND (:listed OR EXISTS (SELECT 1 FROM json_each(item.sidecars) AS theirs
                          JOIN json_each(:sidecars) AS ours ON ours.value = theirs.value))
  AND EXISTS (SELECT 1 FROM body WHERE item_id = :item_id AND digest NOT IN
              (SELECT digest FROM body WHERE item_id = item.id))
ORDER BY item.id DESC;

-- name: sidecars_of_name  What lay beside the images that a source showed last under a name.
SELECT DISTINCT sidecar.value AS sha256
FROM (SELECT item_id FROM arrival WHERE source = :source AND name = :name
      ORDER BY id DESC LIMIT :most) AS shown
CROSS JOIN item ON item.id = shown.item_id, json_each(item.sidecars) AS sidecar;

-- name: copies  What else the very bytes of an item became.
SELECT item.* FROM item AS mine JOIN item ON item.sha256 = mine.sha256 AND item.id != mine.id
WHERE mine.id = :item_id AND item.state != 'ignored';

-- name: adopt_arrivals  The source files of an item whose objects are all another's follow the deliveries
-- of that one.
UPDATE arrival SET item_id = :to_item WHERE item_id = :from_item;

-- name: claim_uid  The first to carry a SOP Instance UID owns it, for good.
INSERT INTO known_uid (sop_instance_uid, digest, item_id, first_at)
VALUES (:uid, :digest, :item_id, :now) ON CONFLICT DO NOTHING;

-- name: uid_owner  Who carries that UID, and with which content.
SELECT known_uid.digest, known_uid.item_id, item.name FROM known_uid
JOIN item ON item.id = known_uid.item_id WHERE sop_instance_uid = :uid;

-- name: known_object  The object of that UID as another item has it for a destination, for the same patient
-- and exam. What nobody will send is not looked at, nor what was made while testing.
SELECT instance.*, item.purged_at FROM known_uid
JOIN item ON item.id = known_uid.item_id AND item.id != :item_id
JOIN delivery ON delivery.item_id = item.id AND delivery.destination = :destination
JOIN instance ON instance.delivery_id = delivery.id AND instance.sop_instance_uid = :uid
WHERE known_uid.sop_instance_uid = :uid
  AND (item.state != 'ignored' OR delivery.state = 'confirmed')
  AND NOT ifnull(json_extract(nullif(item.identity, ''), '$.invented'), 0)
  AND json_extract(nullif(item.identity, ''), '$.values') =
      (SELECT json_extract(nullif(identity, ''), '$.values') FROM item WHERE id = :item_id);

-- name: add_delivery  An item is to go to a destination; there already from an earlier routing: no row.
INSERT INTO delivery (item_id, destination, priority, source, created_at, changed_at, changed_by)
VALUES (:item_id, :destination, :priority, (SELECT source FROM item WHERE id = :item_id), :now, :now,
        :worker)
ON CONFLICT DO NOTHING RETURNING id;

-- name: remark_delivery  Why it goes there: what the rules said on that day, not what they say now.
INSERT INTO history (item_id, delivery_id, at, who, before, after, code, sentence)
SELECT item_id, id, :now, :who, state, state, :code, :sentence FROM delivery
WHERE id = :delivery_id;

-- name: environments  What each destination, worklist and source was for when last looked at.
SELECT * FROM environment;

-- name: set_environment  And what it is for now; one that is gone is remembered, for it may be back.
INSERT INTO environment (kind, name, environment) VALUES (:kind, :name, :environment)
ON CONFLICT (kind, name) DO UPDATE SET environment = :environment;

-- name: hold_tested  Its destination was promoted from tests, whoever is at it just now: it loses its claim.
UPDATE delivery SET state = 'held', claimed_by = NULL, not_before = '', code = :code,
                    sentence = :sentence, hint = :hint, changed_at = :now, changed_by = :who
WHERE destination = :destination
  AND state IN ('waiting', 'prepared', 'deferred', 'active', 'sent');

-- name: mark_tested  And what is not routed yet does not go there by itself once it is.
INSERT INTO testing (item_id, destination)
SELECT id, :destination FROM item
WHERE state IN ('arrived', 'converted', 'identified', 'held', 'quarantined')
ON CONFLICT DO NOTHING;

-- name: rename_tested  What it proved while it was for tests, another PACS perhaps: it is not said of this one.
UPDATE delivery SET destination = :was WHERE destination = :destination AND state = 'confirmed';

-- name: forget_invented  The same bytes exported again are not what was tested with; they are a new item.
UPDATE item SET evidence_digest = evidence_digest || :mark
WHERE json_extract(nullif(identity, ''), '$.invented') AND instr(evidence_digest, ' ') = 0;

-- name: tested_for  The destinations that were promoted since an item came.
SELECT destination FROM testing WHERE item_id = :item_id;

-- name: end_testing  It is routed, and held where it was made while testing.
DELETE FROM testing WHERE item_id = :item_id;

-- name: add_instance  The bytes of a delivery, never changed again.
INSERT INTO instance VALUES (:delivery_id, :number, :sop_class_uid, :sop_instance_uid,
    :study_instance_uid, :series_instance_uid, :transfer_syntax_uid, :digest, :pieces);

-- name: instances  The objects of a delivery in their order.
SELECT * FROM instance WHERE delivery_id = :delivery_id ORDER BY number;

-- name: begin_delivery  waiting to prepared or held, in the transaction that made it.
UPDATE delivery SET state = :state, code = :code, sentence = :sentence, hint = :hint,
                    changed_at = :now, changed_by = :worker
WHERE id = :delivery_id;

-- name: due_deliveries  What is next at a destination: the urgent first; then one of each source in
-- turn, after the one that was served last; each source's own in the order in which they came.
-- A time far ahead means that the clock was set back.
WITH RECURSIVE turn (priority, source) AS (
    SELECT priority, source FROM (
        SELECT priority, source FROM delivery
        WHERE destination = :destination AND state IN ('prepared', 'deferred')
          AND claimed_by IS NULL AND priority <= :least
        ORDER BY priority, source LIMIT 1)
    UNION ALL
    SELECT next.priority, next.source FROM turn CROSS JOIN delivery AS next ON next.id = ifnull(
        (SELECT id FROM delivery
         WHERE destination = :destination AND state IN ('prepared', 'deferred')
           AND claimed_by IS NULL AND priority = turn.priority AND source > turn.source
         ORDER BY source LIMIT 1),
        (SELECT id FROM delivery
         WHERE destination = :destination AND state IN ('prepared', 'deferred')
           AND claimed_by IS NULL AND priority > turn.priority AND priority <= :least
         ORDER BY priority, source LIMIT 1))
)
SELECT due.id, row_number() OVER (PARTITION BY turn.priority, turn.source ORDER BY due.id) AS place
FROM turn CROSS JOIN delivery AS due ON due.id IN (
    SELECT id FROM delivery
    WHERE destination = :destination AND state IN ('prepared', 'deferred')
      AND claimed_by IS NULL AND priority = turn.priority AND source = turn.source
      AND (not_before <= :now OR not_before > :horizon)
    ORDER BY id LIMIT :most)
ORDER BY turn.priority, place, turn.source <= :after, turn.source LIMIT :most;

-- name: claim_deliveries  Take these up; one that was taken meanwhile is not among them.
UPDATE delivery SET state = 'active', claimed_by = :worker, tries = tries + 1, code = '',
                    sentence = '', hint = '', changed_at = :now, changed_by = :worker
WHERE id IN (SELECT value FROM json_each(:ids)) RETURNING *;

-- name: due_contexts  Which kinds of objects these are.
SELECT DISTINCT sop_class_uid, transfer_syntax_uid
FROM instance WHERE delivery_id IN (SELECT value FROM json_each(:ids));

-- name: hold_kind  The destination takes no such objects; none of these is claimed.
UPDATE delivery SET state = 'held', code = :code, sentence = :sentence, hint = :hint,
                    changed_at = :now, changed_by = :worker
WHERE id IN (SELECT value FROM json_each(:ids)) AND EXISTS (
    SELECT 1 FROM instance WHERE delivery_id = delivery.id
    AND sop_class_uid = :sop_class_uid AND transfer_syntax_uid = :transfer_syntax_uid)
RETURNING id, item_id;

-- name: defer_all  The destination cannot be reached: one move each, however long it lasts.
UPDATE delivery SET state = 'deferred', code = :code, sentence = :sentence, hint = :hint,
                    changed_at = :now, changed_by = :worker
WHERE destination = :destination AND state = 'prepared' AND claimed_by IS NULL
  AND (SELECT state FROM charge) = 'here';

-- name: say_why_deferred  And the reason of today on those that wait already, where it is another.
UPDATE delivery SET code = :code, sentence = :sentence, hint = :hint
WHERE destination = :destination AND state = 'deferred' AND claimed_by IS NULL
  AND sentence != :sentence;

-- name: claim_sent  What a destination must still prove that it has.
UPDATE delivery SET claimed_by = :worker
WHERE id IN (SELECT id FROM delivery WHERE destination = :destination
             AND state = 'sent' AND claimed_by IS NULL
             AND (not_before <= :now OR not_before > :horizon)
             ORDER BY id LIMIT :most)
  AND (SELECT state FROM charge) = 'here'
RETURNING *;

-- name: move_delivery  Claimed deliveries only.
UPDATE delivery SET state = :state, code = :code, sentence = :sentence, hint = :hint,
                    claimed_by = NULL, not_before = :not_before, confirmed_by = :confirmed_by,
                    warning = iif(:warning = '', warning, :warning),
                    tries = iif(:forgive, 0, tries), changed_at = :now, changed_by = :worker
WHERE id = :delivery_id AND claimed_by = :worker;

-- name: ask_later  Not proved yet; still sent.
UPDATE delivery SET claimed_by = NULL, not_before = :not_before, tries = tries + 1,
                    code = :code, sentence = :sentence, hint = :hint
WHERE id = :delivery_id AND claimed_by = :worker;

-- name: put_back  Claimed, but not sent: the link broke before its turn came.
UPDATE delivery SET state = 'prepared', claimed_by = NULL, tries = tries - 1,
                    changed_at = :now, changed_by = :worker
WHERE id = :delivery_id AND claimed_by = :worker;

-- name: count_resends  How often a destination denied what it had answered for.
SELECT count(*) AS n FROM history
WHERE item_id = (SELECT item_id FROM delivery WHERE id = :delivery_id)
  AND delivery_id = :delivery_id AND before = 'sent' AND after = 'deferred';

-- name: finish_item  Done is when every delivery, at least one, is confirmed.
UPDATE item SET state = 'done', code = '', sentence = '', hint = '',
                changed_at = :now, changed_by = :worker
WHERE id = :item_id AND state = 'routed'
  AND EXISTS (SELECT 1 FROM delivery WHERE item_id = :item_id)
  AND NOT EXISTS (SELECT 1 FROM delivery WHERE item_id = :item_id AND state != 'confirmed');

-- name: next_due  When the next put-off delivery wants attention that did not before this turn.
SELECT min(not_before) AS due FROM delivery INDEXED BY delivery_later
WHERE destination = :destination AND not_before >= :now AND not_before != '' AND claimed_by IS NULL;

-- name: claimants  Everybody who claims something now.
SELECT claimed_by AS worker FROM item WHERE claimed_by IS NOT NULL
UNION SELECT claimed_by FROM delivery WHERE claimed_by IS NOT NULL;

-- name: free_items  Their worker is dead.
UPDATE item SET claimed_by = NULL WHERE claimed_by = :dead;

-- name: free_active  Interrupted while sending: the same bytes go again, those often interrupted later
-- than others, for one of them may be what ends the sender each time.
UPDATE delivery SET state = 'prepared', claimed_by = NULL, changed_at = :now,
                    changed_by = :worker, not_before = iif(tries < :often, '', :later),
                    code = 'interrupted',
                    sentence = 'The sender stopped in between; the same bytes are sent again.'
WHERE claimed_by = :dead AND state = 'active';

-- name: free_sent  Interrupted while asking.
UPDATE delivery SET claimed_by = NULL WHERE claimed_by = :dead;

-- name: person_moves_item  What a person decided, or a change of settings.
UPDATE item SET state = :state, code = :code, sentence = :sentence, hint = '', tries = 0,
                not_before = '', changed_at = :now, changed_by = :who
WHERE id = :item_id AND claimed_by IS NULL;

-- name: person_moves_delivery  Of an item that was not discarded.
UPDATE delivery SET state = :state, code = :code, sentence = :sentence, hint = '', tries = 0,
                    not_before = '', changed_at = :now, changed_by = :who
WHERE id = :delivery_id AND claimed_by IS NULL
  AND EXISTS (SELECT 1 FROM item WHERE item.id = item_id AND item.state = 'routed');

-- name: hurry  Not to be waited for any longer; the state stays.
UPDATE delivery SET not_before = :now
WHERE item_id = :item_id AND state IN ('deferred', 'sent') AND claimed_by IS NULL;

-- name: deliveries_of  All deliveries of an item.
SELECT * FROM delivery WHERE item_id = :item_id ORDER BY id;

-- name: free_routeless  The settings changed: what had nowhere to go is routed again.
UPDATE item SET state = 'identified', code = '', sentence = '', hint = '', tries = 0,
                changed_at = :now, changed_by = :who
WHERE state = 'held' AND code = 'no-route' AND claimed_by IS NULL;

-- name: unsettled  Source files whose item is done with a proof that counts (find or commitment).
-- What was invented for tests is in no PACS for real patients, and settles nothing.
SELECT arrival.*, item.code, item.sentence, item.hint, item.sha256 FROM arrival JOIN item ON item.id = arrival.item_id
WHERE arrival.source = :source AND arrival.settled IS NULL AND item.state = 'done'
  AND NOT ifnull(json_extract(nullif(item.identity, ''), '$.invented'), 0)
  AND NOT EXISTS (SELECT 1 FROM delivery WHERE delivery.item_id = item.id
                  AND (state != 'confirmed' OR confirmed_by = 'response'))
ORDER BY arrival.id;

-- name: unsettled_quarantined  Source files that cannot be used and may be put in error_to.
SELECT arrival.*, item.code, item.sentence, item.hint, item.sha256 FROM arrival
JOIN item ON item.id = arrival.item_id
WHERE arrival.source = :source AND arrival.settled IS NULL AND item.state = 'quarantined'
ORDER BY arrival.id;

-- name: content_proved  Whether a source may lose a file: every item it became is in custody or proved.
-- What cannot be used, and what a rule set aside, keeps its bytes here; an answer alone is no proof.
-- And whether any of them was not discarded.
SELECT ifnull(max(item.state != 'ignored' OR item.code != 'discarded'), 0) AS accepted, min(
    item.state IN ('quarantined', 'ignored') OR (
        item.state = 'done'
        AND NOT ifnull(json_extract(nullif(item.identity, ''), '$.invented'), 0) AND NOT EXISTS
            (SELECT 1 FROM delivery WHERE delivery.item_id = item.id
             AND (state != 'confirmed' OR confirmed_by = 'response')))) AS proved
FROM arrival JOIN item ON item.id = arrival.item_id
WHERE arrival.source = :source AND arrival.name = :name
  AND substr(fingerprint, 1, length(:content)) = :content;

-- name: settle  The after-action of a source file is over.
UPDATE arrival SET settled = :how WHERE id = :arrival_id;

-- name: set_place  How a source or destination is doing.
INSERT INTO place (kind, name, state, code, sentence, hint, done, total, changed_at, last_ok_at)
VALUES (:kind, :name, :state, :code, :sentence, :hint, :done, :total, :now, iif(:ok, :now, ''))
ON CONFLICT (kind, name) DO UPDATE SET state = :state, code = :code, sentence = :sentence,
    hint = :hint, done = :done, total = :total, changed_at = iif(state = :state AND code = :code, changed_at, :now),
    last_ok_at = iif(:ok, :now, last_ok_at);

-- name: places  How all sources and destinations are doing.
SELECT * FROM place;

-- name: purge  Confirmed long ago: the bytes may leave, the row stays.
UPDATE item INDEXED BY item_purgeable SET purged_at = :now
WHERE state = 'done' AND purged_at IS NULL AND changed_at < :before
RETURNING id;

-- name: purge_oldest  Room is short: the longest confirmed go first.
UPDATE item SET purged_at = :now
WHERE id IN (SELECT id FROM item INDEXED BY item_purgeable
             WHERE state = 'done' AND purged_at IS NULL
             ORDER BY changed_at LIMIT :most)
RETURNING id;

-- name: needed_bytes  Every spool file that some row still needs; the old and purged are not looked at.
SELECT sha256 FROM item WHERE purged_at IS NULL
UNION SELECT sidecar.value FROM item, json_each(item.sidecars) AS sidecar
      WHERE item.purged_at IS NULL
UNION SELECT json_extract(slice.value, '$[0]')
      FROM item CROSS JOIN body ON body.item_id = item.id, json_each(body.slices) AS slice
      WHERE item.purged_at IS NULL
UNION SELECT json_extract(piece.value, '$[0]')
      FROM item CROSS JOIN delivery ON delivery.item_id = item.id
      CROSS JOIN instance ON instance.delivery_id = delivery.id,
           json_each(instance.pieces) AS piece
      WHERE item.purged_at IS NULL AND piece.type = 'array'
UNION SELECT json_extract(slice.value, '$[0]')
      FROM recoded_body, json_each(recoded_body.slices) AS slice;

-- name: items_of_bytes  Which of these digests are those of an item's file.
SELECT DISTINCT sha256 FROM item WHERE sha256 IN (SELECT value FROM json_each(:names));

-- name: let_go_bytes  Every spool file that a row needed until it was purged.
SELECT sha256 FROM item WHERE purged_at IS NOT NULL
UNION SELECT sidecar.value FROM item, json_each(item.sidecars) AS sidecar
      WHERE item.purged_at IS NOT NULL
UNION SELECT json_extract(slice.value, '$[0]')
      FROM item CROSS JOIN body ON body.item_id = item.id, json_each(body.slices) AS slice
      WHERE item.purged_at IS NOT NULL
UNION SELECT json_extract(piece.value, '$[0]')
      FROM item CROSS JOIN delivery ON delivery.item_id = item.id
      CROSS JOIN instance ON instance.delivery_id = delivery.id,
           json_each(instance.pieces) AS piece
      WHERE item.purged_at IS NOT NULL AND piece.type = 'array';

-- name: count_items  How many items stand where.
SELECT state, count(*) AS n FROM item GROUP BY state;

-- name: count_deliveries  How many deliveries stand where.
SELECT destination, state, count(*) AS n FROM delivery GROUP BY destination, state;

-- name: oldest_waiting  The item that has been on its way longest.
SELECT min(arrived_at) AS at FROM item
WHERE state IN ('arrived', 'converted', 'identified') OR (state = 'routed' AND EXISTS
      (SELECT 1 FROM delivery WHERE item_id = item.id AND state NOT IN ('held', 'confirmed')));

-- name: next_underway  The oldest item before routing that does not wait for its order.
SELECT id, source, name, state FROM item
WHERE state IN ('arrived', 'converted', 'identified') AND not_before = '' ORDER BY id LIMIT 1;

-- name: unfinished  What is on its way or needs a person, the oldest first.
SELECT * FROM item
WHERE state IN ('arrived', 'converted', 'identified', 'routed', 'held', 'quarantined')
ORDER BY id LIMIT :most;

-- name: attention  Everything that needs a person: items, and deliveries of items on their way.
SELECT id, state, code, sentence, hint, source, name, arrived_at, '' AS destination FROM item
WHERE state IN ('held', 'quarantined')
UNION ALL
SELECT item.id, delivery.state, delivery.code, delivery.sentence, delivery.hint, item.source,
       item.name, item.arrived_at, delivery.destination
FROM delivery JOIN item ON item.id = delivery.item_id
WHERE delivery.state = 'held' AND item.state = 'routed'
ORDER BY id;

-- name: pictures_needing_attention  What of it can be looked at: of each item the first object with pixels.
SELECT item_id, min(number) AS number FROM body
WHERE kind != 'document' AND item_id IN (SELECT id FROM item WHERE state = 'held'
                                         UNION SELECT item_id FROM delivery WHERE state = 'held')
GROUP BY item_id;

-- name: last_arrival  When a source last showed something.
SELECT max(seen_at) AS at FROM arrival WHERE source = :source;

-- name: kinds_sent  What lately went, or is to go, to a destination: for who asks whether it takes it.
SELECT DISTINCT sop_class_uid, transfer_syntax_uid FROM instance
WHERE delivery_id IN (SELECT id FROM delivery WHERE destination = :destination
                      ORDER BY id DESC LIMIT :most)
ORDER BY sop_class_uid, transfer_syntax_uid;

-- name: films  "Was this film sent?": by any name and time at which a source showed it, newest first.
SELECT item.*, max(arrival.seen_at) AS seen_at FROM item
JOIN arrival ON arrival.item_id = item.id
WHERE item.code != 'sidecar' AND arrival.seen_at BETWEEN :since AND :until
  AND arrival.name LIKE :name ESCAPE '\'
GROUP BY item.id ORDER BY item.id DESC LIMIT :most;

-- name: history_of  All that happened to an item.
SELECT history.*, delivery.destination FROM history
LEFT JOIN delivery ON delivery.id = history.delivery_id
WHERE history.item_id = :item_id ORDER BY history.id;

-- name: arrivals_of  Every time and place an item was shown by a source.
SELECT * FROM arrival WHERE item_id = :item_id ORDER BY id;

-- name: add_received  An arrival came by C-STORE under these UIDs.
INSERT INTO received VALUES (:arrival_id, :sop_class_uid, :sop_instance_uid) ON CONFLICT DO NOTHING;

-- name: add_commitment  A modality wants to know whether its images are safe; asked again, anew.
INSERT INTO commitment (source, called, calling, host, transaction_uid, asked_at)
VALUES (:source, :called, :calling, :host, :transaction_uid, :now)
ON CONFLICT (source, calling, transaction_uid) DO UPDATE SET
    called = :called, host = :host, asked_at = :now, tries = 0, not_before = ''
RETURNING id;

-- name: clear_commitment  Before its objects are written again, or it is over.
DELETE FROM commitment_object WHERE commitment_id = :commitment_id;

-- name: add_commitment_object  One image that is asked about.
INSERT INTO commitment_object
VALUES (:commitment_id, :number, :sop_class_uid, :sop_instance_uid);

-- name: end_commitment  The modality was told, or can no longer be.
DELETE FROM commitment WHERE id = :commitment_id;

-- name: tell_later  The modality could not be reached.
UPDATE commitment SET tries = tries + 1, not_before = :not_before WHERE id = :commitment_id;

-- name: commitments  Which modalities are still to be told something.
SELECT * FROM commitment ORDER BY id;

-- name: commitment_fates  What became of each image asked about; all that came under its UID counts.
-- An answer to C-STORE is no proof; and the PACS must have it as this very object.
SELECT object.sop_class_uid, object.sop_instance_uid,
       count(item.id) AS known,
       ifnull(sum(item.id IS NOT NULL AND received.sop_class_uid = object.sop_class_uid), 0)
           AS of_class,
       ifnull(sum(item.state = 'ignored'), 0) AS given_up,
       ifnull(sum(item.state = 'done'
           AND NOT ifnull(json_extract(nullif(item.identity, ''), '$.invented'), 0) AND NOT EXISTS
           (SELECT 1 FROM delivery WHERE delivery.item_id = item.id
            AND (delivery.state != 'confirmed' OR delivery.confirmed_by = 'response'
                 OR NOT EXISTS (SELECT 1 FROM instance WHERE instance.delivery_id = delivery.id
                                AND instance.sop_class_uid = object.sop_class_uid
                                AND instance.sop_instance_uid = object.sop_instance_uid)))
       ), 0) AS proved
FROM commitment_object AS object
LEFT JOIN received ON received.sop_instance_uid = object.sop_instance_uid
LEFT JOIN arrival ON arrival.id = received.arrival_id AND arrival.source = :source
LEFT JOIN item ON item.id = arrival.item_id
WHERE object.commitment_id = :commitment_id
GROUP BY object.number ORDER BY object.number;

-- name: add_pledge  A destination is about to be asked to commit itself to images.
INSERT INTO pledge (transaction_uid, destination, peer, asked_at)
VALUES (:transaction_uid, :destination, :peer, :now);

-- name: add_pledge_object  One image it is asked about.
INSERT INTO pledge_object (transaction_uid, sop_instance_uid, delivery_id)
VALUES (:transaction_uid, :sop_instance_uid, :delivery_id) ON CONFLICT DO NOTHING;

-- name: pledge  Whom a transaction was with, and whether its report has come.
SELECT * FROM pledge WHERE transaction_uid = :transaction_uid;

-- name: pledge_objects  What a report said.
SELECT * FROM pledge_object WHERE transaction_uid = :transaction_uid;

-- name: take_back_pledge  It was not asked, for it could not be.
DELETE FROM pledge WHERE transaction_uid = :transaction_uid;

-- name: forget_pledges  Of which no report is expected any more.
DELETE FROM pledge WHERE asked_at < :before;

-- name: tell_pledge  The report has come.
UPDATE pledge SET told_at = :now WHERE transaction_uid = :transaction_uid;

-- name: tell_pledge_object  What it says of one image.
UPDATE pledge_object SET failure = :failure
WHERE transaction_uid = :transaction_uid AND sop_instance_uid = :sop_instance_uid;

-- name: hurry_told  What a report speaks of need not wait for it any longer.
UPDATE delivery SET not_before = :now
WHERE state = 'sent' AND claimed_by IS NULL AND id IN
      (SELECT delivery_id FROM pledge_object
       WHERE transaction_uid = :transaction_uid AND failure IS NOT NULL);

-- name: learn_of_report  Who reports can be asked.
INSERT INTO ability (destination, way, peer, works, until)
SELECT destination, :way, peer, 1, :until FROM pledge WHERE transaction_uid = :transaction_uid
ON CONFLICT (destination, way) DO UPDATE SET peer = excluded.peer, works = 1, why = '',
    until = :until;

-- name: await_report  Asked about, and not told of yet; else it is due now. Still sent.
UPDATE delivery SET claimed_by = NULL, code = :code, sentence = :sentence, hint = :hint,
    not_before = iif(EXISTS (SELECT 1 FROM pledge_object AS object
                             WHERE object.delivery_id = delivery.id AND failure IS NOT NULL),
                     :now, :until)
WHERE id = :delivery_id AND claimed_by = :worker;

-- name: claim_told  What a destination has reported on.
UPDATE delivery SET claimed_by = :worker
WHERE id IN (SELECT delivery.id FROM pledge_object AS object INDEXED BY pledge_object_told
             CROSS JOIN delivery ON delivery.id = object.delivery_id
             WHERE object.failure IS NOT NULL AND delivery.destination = :destination
               AND delivery.state = 'sent' AND delivery.claimed_by IS NULL
             ORDER BY delivery.id LIMIT :most)
  AND (SELECT state FROM charge) = 'here'
RETURNING *;

-- name: any_told  Whether there is anything to claim; looked at with every turn, and mostly there is not.
-- CROSS: begin with what was told, which is little, and not with all that is sent.
SELECT 1 FROM pledge_object AS object INDEXED BY pledge_object_told
CROSS JOIN delivery ON delivery.id = object.delivery_id
WHERE object.failure IS NOT NULL AND delivery.destination = :destination
  AND delivery.state = 'sent' LIMIT 1;

-- name: told_of_delivery  The report on the latest question comes last.
SELECT object.sop_instance_uid, object.failure FROM pledge_object AS object
JOIN pledge USING (transaction_uid)
WHERE object.delivery_id = :delivery_id AND object.failure IS NOT NULL ORDER BY pledge.rowid;

-- name: count_unanswered  How often a delivery was asked about in vain.
SELECT count(DISTINCT transaction_uid) AS n FROM pledge_object JOIN pledge USING (transaction_uid)
WHERE delivery_id = :delivery_id AND failure IS NULL
  AND (:before = '' OR asked_at <= :before);

-- name: settle_pledges  What was told of a delivery has been acted upon, or it was sent again.
DELETE FROM pledge_object WHERE delivery_id = :delivery_id;

-- name: learn  Whether a way to ask a destination for a proof works.
INSERT INTO ability (destination, way, peer, works, why, until)
VALUES (:destination, :way, :peer, :works, :why, :until)
ON CONFLICT (destination, way) DO UPDATE SET peer = :peer, works = :works, why = :why,
    until = :until;

-- name: abilities  All that was learnt of a destination.
SELECT * FROM ability WHERE destination = :destination;

-- name: note_warning  What kind of warning an answer was; one that is gone from the next stays known.
UPDATE delivery SET warning_code = :code WHERE id = :delivery_id;

-- name: warning_of  What kind of warning a delivery was taken with.
SELECT warning_code FROM delivery WHERE id = :delivery_id;

-- name: warn  What is to be known of something that the destination has.
UPDATE delivery SET warning = ltrim(warning || ' ' || :warning)
WHERE id = :delivery_id AND claimed_by = :worker;

-- name: forget_orders  What a worklist said of some days, and now no longer says.
DELETE FROM worklist_order WHERE worklist = :worklist AND day BETWEEN :first AND :last
    AND key NOT IN (SELECT value FROM json_each(:keys));

-- name: add_order  One that was put off to another day moves there; most are told again unchanged
-- every half minute, and are not written to the card again.
INSERT INTO worklist_order (key, worklist, day, content)
VALUES (:key, :worklist, :day, :content)
ON CONFLICT (key) DO UPDATE SET day = :day, content = :content
WHERE day != :day OR content != :content;

-- name: add_day  A worklist has told all it knows of a day.
INSERT INTO worklist_day (worklist, day, asked_at) VALUES (:worklist, :day, :asked_at)
ON CONFLICT (worklist, day) DO UPDATE SET asked_at = :asked_at;

-- name: orders_between  What a worklist said of some days, each order as it last stood.
SELECT * FROM worklist_order NATURAL JOIN worklist_day
WHERE worklist = :worklist AND day BETWEEN :first AND :last ORDER BY day, key;

-- name: order_by_key  What a person picked.
SELECT * FROM worklist_order NATURAL JOIN worklist_day WHERE key = :key;

-- name: days_asked  On how many of some days a worklist was asked, and when on the stalest.
SELECT count(*) AS n, min(asked_at) AS at FROM worklist_day
WHERE worklist = :worklist AND day BETWEEN :first AND :last;

-- name: count_orders  How many orders are remembered of each worklist.
SELECT worklist, count(*) AS n FROM worklist_order GROUP BY worklist;

-- name: purge_days  Of which nothing is expected any more; or told of by a clock since set back.
DELETE FROM worklist_day WHERE worklist = :worklist
    AND ((day < :day AND asked_at < :before) OR asked_at > :horizon);

-- name: forget_days  It is for real patients now: what it told before was invented.
DELETE FROM worklist_day WHERE worklist = :worklist;

-- name: purge_orders  Patients of days that are forgotten.
DELETE FROM worklist_order WHERE (worklist, day) NOT IN (SELECT worklist, day FROM worklist_day);

-- name: known_worklists  All of which anything is remembered.
SELECT DISTINCT worklist FROM worklist_day;

-- name: see_certificate  Somebody showed a certificate, or this box has one to show.
INSERT INTO certificate (kind, name, side, subject, fingerprint, not_after, seen_at)
VALUES (:kind, :name, :side, :subject, :fingerprint, :not_after, :now)
ON CONFLICT (kind, name, side) DO UPDATE SET subject = :subject, fingerprint = :fingerprint,
    not_after = :not_after, seen_at = :now;

-- name: forget_certificates  Those of entries that are gone, or speak TLS no more.
DELETE FROM certificate WHERE (kind, name, side) NOT IN (
    SELECT value ->> 0, value ->> 1, value ->> 2 FROM json_each(:keys));

-- name: certificates  Which certificates there are, and until when each is good.
SELECT * FROM certificate ORDER BY kind, name, side;

-- name: known_sources  Every source that ever showed something.
SELECT DISTINCT source FROM arrival ORDER BY source;

-- name: active_hours  When a source used to show something; the index alone answers.
SELECT DISTINCT substr(seen_at, 1, 13) AS hour FROM arrival
WHERE source = :source AND seen_at >= :since ORDER BY hour;

-- name: fates_between  What became of what a source showed in some time; not counting companions.
SELECT item.state, count(*) AS n FROM arrival JOIN item ON item.id = arrival.item_id
WHERE arrival.source = :source AND seen_at >= :since AND seen_at < :until
  AND item.code NOT IN ('sidecar', 'junk')
GROUP BY item.state;

-- name: objects_between  Where the objects of it went, and how far.
SELECT delivery.destination, delivery.state, count(*) AS n
FROM (SELECT DISTINCT item_id FROM arrival
      WHERE source = :source AND seen_at >= :since AND seen_at < :until) AS came
JOIN delivery ON delivery.item_id = came.item_id
JOIN instance ON instance.delivery_id = delivery.id
GROUP BY delivery.destination, delivery.state;

-- name: taken_between  Which of them a destination has answered for.
SELECT delivery.item_id, instance.*
FROM (SELECT DISTINCT item_id FROM arrival
      WHERE source = :source AND seen_at >= :since AND seen_at < :until) AS came
JOIN delivery ON delivery.item_id = came.item_id
JOIN instance ON instance.delivery_id = delivery.id
WHERE delivery.destination = :destination AND delivery.state IN ('sent', 'confirmed')
ORDER BY delivery.item_id, instance.number;

-- name: note_reckoning  What a destination shows of one day.
INSERT INTO reckoning VALUES (:day, :source, :destination, :objects, :found, :missing, :asked_at)
ON CONFLICT (day, source, destination) DO UPDATE SET
    objects = :objects, found = :found, missing = :missing, asked_at = :asked_at;

-- name: reckonings  What was noted of one day.
SELECT * FROM reckoning WHERE day = :day;

-- name: recoding_of  Whether a delivery was made anew before.
SELECT * FROM recoding WHERE delivery_id = :delivery_id;

-- name: ask_recoding  A destination takes it in another transfer syntax.
INSERT INTO recoding (delivery_id, wishes, step) VALUES (:delivery_id, :wishes, :step)
ON CONFLICT (delivery_id) DO UPDATE SET wishes = :wishes, step = :step, tries = 0, times = times + 1;

-- name: move_recoded  Claimed deliveries only; that it is made anew is no failed try of it.
UPDATE delivery SET state = :state, code = :code, sentence = :sentence, hint = :hint,
                    claimed_by = NULL, tries = 0, not_before = '', changed_at = :now,
                    changed_by = :worker
WHERE id = :delivery_id AND claimed_by = :worker;

-- name: claim_recoding  The next that waits at a step, the often tried ones last. One that the
-- worker itself left behind (the disk was full) comes again and is not counted; runs before
-- claim_waiting.
UPDATE recoding SET tries = tries + (SELECT claimed_by IS NULL FROM delivery WHERE id = delivery_id)
WHERE delivery_id = (SELECT delivery_id FROM recoding INDEXED BY recoding_open
                     JOIN delivery ON delivery.id = recoding.delivery_id
                     WHERE step = :step AND step != 'done' AND state = 'waiting'
                       AND (claimed_by IS NULL OR claimed_by = :worker)
                     ORDER BY recoding.tries, delivery_id LIMIT 1)
  AND (SELECT state FROM charge) = 'here'
RETURNING *;

-- name: claim_waiting  The delivery of claim_recoding.
UPDATE delivery SET claimed_by = :worker WHERE id = :delivery_id RETURNING *;

-- name: add_recoded  What convert made of an instance's pixels.
INSERT INTO recoded_body
VALUES (:delivery_id, :number, :kind, :transfer_syntax_uid, :digest, :slices, :attributes);

-- name: recoded  What was made of a delivery's pixels.
SELECT * FROM recoded_body WHERE delivery_id = :delivery_id ORDER BY number;

-- name: clear_recoded  Its instances are composed, or will be asked for anew.
DELETE FROM recoded_body WHERE delivery_id = :delivery_id;

-- name: recoding_made  convert is done; route composes.
UPDATE recoding SET step = 'made', tries = 0 WHERE delivery_id = :delivery_id;

-- name: recoding_done  Nothing more is to be made for it.
UPDATE recoding SET step = 'done', tries = 0 WHERE delivery_id = :delivery_id;

-- name: free_waiting  Its next maker may take it up.
UPDATE delivery SET claimed_by = NULL
WHERE id = :delivery_id AND claimed_by = :worker AND state = 'waiting';

-- name: clear_instances  They were never taken by the destination, and others take their place.
DELETE FROM instance WHERE delivery_id = :delivery_id;

-- name: charge  Which box works with what is here.
SELECT * FROM charge;

-- name: set_charge  And from now on. What the spare lacks is told when this box lets go, and stays.
UPDATE charge SET state = :state, move = :move, other = :other, changed_at = :now,
    lacking = CASE :state WHEN 'left' THEN lacking ELSE :lacking END;

-- name: set_other  Who works with it has become known; which box works does not change by that.
UPDATE charge SET other = :other WHERE state = 'left' AND move = :move;

-- name: count_claimed  What somebody works on just now: it is read, sent or asked about.
SELECT (SELECT count(*) FROM item WHERE claimed_by IS NOT NULL)
     + (SELECT count(*) FROM delivery WHERE claimed_by IS NOT NULL) AS n;

-- name: count_arrivals  Whether anything ever came here.
SELECT count(*) AS n FROM arrival;

-- name: last_event  The number of the newest event; grows with everything that happens.
SELECT ifnull(max(id), 0) AS n FROM history;

-- name: unfinished_bytes  Every spool file that something needs which is not done.
SELECT sha256 FROM item WHERE state != 'done'
UNION SELECT sidecar.value FROM item, json_each(item.sidecars) AS sidecar
      WHERE item.state != 'done'
UNION SELECT json_extract(slice.value, '$[0]')
      FROM item CROSS JOIN body ON body.item_id = item.id, json_each(body.slices) AS slice
      WHERE item.state != 'done'
UNION SELECT json_extract(piece.value, '$[0]')
      FROM item CROSS JOIN delivery ON delivery.item_id = item.id
      CROSS JOIN instance ON instance.delivery_id = delivery.id,
           json_each(instance.pieces) AS piece
      WHERE item.state != 'done' AND piece.type = 'array'
UNION SELECT json_extract(slice.value, '$[0]')
      FROM recoded_body, json_each(recoded_body.slices) AS slice;

-- name: leave_done_behind  The bytes of what is proved stayed on the other card.
UPDATE item SET purged_at = :now WHERE state = 'done' AND purged_at IS NULL;

-- name: events_by_code  How often each reason was given, day by day.
SELECT substr(at, 1, 10) AS day, code, before, after, count(*) AS n FROM history
WHERE at >= :since GROUP BY 1, 2, 3, 4 ORDER BY 1, 2, 3, 4;

-- name: items_by_reason  How many items stand where, and why.
SELECT state, code, count(*) AS n FROM item GROUP BY state, code ORDER BY state, code;

-- name: deliveries_by_reason  How many deliveries to each destination stand where, and why.
SELECT destination, state, code, count(*) AS n FROM delivery
GROUP BY destination, state, code ORDER BY destination, state, code;
