#!/usr/bin/env bash
# Photographs: engine data inspect, and training on folders and zip files of PNG and JPEG images.
source "$(dirname "$0")/common.sh"

succeeds info --json
for library in libpng libjpeg-turbo libzip; do
    grep -q "\"$library\"" "$out" || skip "this build has no $library"
done
golden=$SOURCE_DIR/tests/golden/images

# ---- A folder with two classes, images of several kinds and files that are none.
mkdir -p "$work/photos/sea/deep" "$work/photos/land"
cp "$golden"/{rgb8,rgba16,grey8,palette4}.png "$golden/progressive.jpg" "$work/photos/sea"
cp "$golden"/{baseline420,grey}.jpg "$work/photos/land"
cp "$golden/cmyk.jpg" "$work/photos/sea/deep/CMYK.JPEG"
echo hello >"$work/photos/README.txt"
echo hello >"$work/photos/.DS_Store"
cd "$work"
succeeds data inspect photos
expect_text "$out" "8 images, 2 classes, 2 other files ignored (folder, photos)"
expect_text "$out" "5x5 to 17x21, 4 different; commonest 17x21 (4 images)"
expect_text "$out" "1 16-bit RGBA, 1 CMYK, 3 RGB, 2 grey, 1 palette"
expect_text "$out" "1 hidden, 1 .txt"
expect_text "$out" "land"
png_size contact-sheet.png >"$work/size"
rm contact-sheet.png

succeeds data inspect photos --no-sheet --json
expect_missing contact-sheet.png
expect_equal "lines of JSON" 1 "$(wc -l <"$out")"
expect_match "JSON" '^\{"path":"photos","format":"folder","images":8,' "$(<"$out")"
expect_text "$out" '"commonest":{"height":17,"width":21,"images":4}'
expect_text "$out" '{"label":1,"images":6,"name":"sea"}'
expect_text "$out" '"ignored":{"hidden":1,".txt":1}'

# As training sees them: eight images of 16 pixels, three columns, enlarged four times, 2 pixels between.
succeeds data inspect photos --height 16 --width 16 --channels 1 --sheet small.png
expect_equal "size of the sheet" 196x196 "$(png_size small.png)"
expect_equal "colour type of the sheet: grey" 00 "$(hex small.png 25 1)"
expect_text "$out" "as 16x16 grey"

succeeds data inspect "$golden/classes.zip" --no-sheet
expect_text "$out" "3 images, 2 classes, 2 other files ignored (zip, "

# ---- IDX and CIFAR-10 data.
idx_images "$work/square.idx" 100 28 28
succeeds data inspect square.idx --sheet idx.png
expect_text "$out" "28x28"
expect_text "$out" "100 grey"
expect_equal "size of the sheet: 64 images, doubled" 462x462 "$(png_size idx.png)"
cifar10 "$work/batch.bin" 3 0
succeeds data inspect batch.bin --no-sheet --json
expect_equal "format" CIFAR-10 "$(json_value "$out" format)"

# ---- Training: a folder, its zip file, from memory and on demand are the same to it.
configuration "$work/photos.toml" ddpm "$work/photos" 12 12 3
last=checkpoints/step-0000004
succeeds train photos.toml --out memory
expect_text "$err" "8 images, 2 classes, 2 other files ignored (folder, $work/photos), as 12x12 RGB"
for kind in ddpm ihdm; do
    # 1 MiB is what 2428 images of 12x12 take; 0 holds none.
    succeeds train photos.toml --out "memory-$kind" --set process.kind=$kind
    succeeds train photos.toml --out "demand-$kind" --set process.kind=$kind --set data.memory_limit=0
    expect_text "$err" "decoded anew each time: 0 MiB pass data.memory_limit, 0 MiB"
    expect_same "memory-$kind/$last/model.safetensors" "demand-$kind/$last/model.safetensors"
done
expect_same memory-ihdm/prior.safetensors demand-ihdm/prior.safetensors
succeeds sample memory-ddpm -n 2 --out pictures
expect_equal "size of a sampled image" 12x12 "$(png_size pictures/00000.png)"

# A resumed run sees the images that it would have seen, also where it decodes them another way.
succeeds train photos.toml --out resumed --set train.steps=2 --set data.flip=true
succeeds train photos.toml --out resumed --set data.flip=true --set data.memory_limit=0
succeeds train photos.toml --out whole --set data.flip=true
expect_same "resumed/$last/model.safetensors" "whole/$last/model.safetensors"

succeeds train photos.toml --out from-zip --set data.path="$golden/classes.zip"
expect_text "$err" "3 images, 2 classes"
succeeds train photos.toml --out from-idx --set data.path="$work/square.idx" # grey 28x28 to RGB 12x12
expect_text "$err" "as 12x12 RGB"

# ---- What is refused, in one line, with nothing written.
refused_data() { # refused_data TEXT PATH: by both commands
    refuses 1 "$1" data inspect "$2"
    expect_missing contact-sheet.png
    refuses 1 "$1" train photos.toml --out refused --set data.path="$2"
    expect_missing refused
}
refuses 2 "subcommand" data
refuses 2 "path" data inspect
refuses 2 "--width" data inspect photos --height 16
refuses 2 "--channels" data inspect photos --height 16 --width 16 --channels 2
refuses 1 "jpeg" data inspect photos --format jpeg
refuses 1 "no-such-folder" data inspect photos --sheet no-such-folder/x.png
mkdir empty
refused_data "found nothing" "$work/empty"
refused_data "No such file" "$work/nowhere"
mkdir "$work/other"
echo hello >"$work/other/a.webp"
refused_data "found 1 .webp" "$work/other"
head -c 300 "$golden/baseline420.jpg" >"$work/other/cut.jpg"
refused_data "other/cut.jpg: the JPEG cannot be decoded: " "$work/other"
head -c 200 "$golden/rgb8.png" >"$work/other/cut.jpg"
refused_data "other/cut.jpg: the PNG is cut off" "$work/other"
echo hello >"$work/other/cut.jpg"
refused_data "other/cut.jpg: expected a PNG or JPEG image, got 6 bytes" "$work/other"
head -c 700 "$golden/classes.zip" >cut.zip
refused_data "cut.zip: cannot be read as a zip file" "$work/cut.zip"
{ head -c 60 "$golden/classes.zip"; printf 'damage'; tail -c +67 "$golden/classes.zip"; } >damaged.zip
refused_data "damaged.zip: b/1.png: the entry is damaged" "$work/damaged.zip"
echo '{"labels": [["nowhere.png", 1]]}' >photos/dataset.json
refused_data "dataset.json: names nowhere.png, which is not among the 8 images" "$work/photos"
rm photos/dataset.json
refuses 1 "CMYK.JPEG: expected an image of 12x12 (data.height, data.width), got 17x21" \
    train photos.toml --out refused --set data.path="$work/photos/sea" --set data.resize=none
cp "$work/other/cut.jpg" "$work/other/d.png"
refuses 1 "cut.jpg: expected a PNG or JPEG image, got 6 bytes that begin 68 65 6c 6c (and 1 more of 2 images" data inspect other
expect_text "$err" "unreadable: other/d.png: expected"
