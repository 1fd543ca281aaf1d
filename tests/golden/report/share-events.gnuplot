set encoding utf8
set terminal svg noenhanced size 960,568 font 'sans-serif,10' background '#FFFFFF'
set output
set lmargin at screen 0.081250
set rmargin at screen 0.787500
set tmargin at screen 0.862676
set bmargin at screen 0.271127
set border 1 linecolor rgb '#666666'
set tics textcolor rgb '#222222'
set grid ytics linetype 1 linecolor rgb '#E4E4E4'
set style fill solid 1.0 noborder
set key off
set grid front
set label 1 'Share of messages by botnet, 2010-09-27 to 2010-10-24' at screen 0.016667, screen 0.961268 left noenhanced font 'sans-serif:Bold,13' textcolor rgb '#222222'
set label 2 '3,096 messages' at screen 0.016667, screen 0.924296 left noenhanced font 'sans-serif,10' textcolor rgb '#666666'
set label 3 'Days are UTC. Raw sums of the traps, not a volume index.' at screen 0.016667, screen 0.024648 left noenhanced font 'sans-serif,9' textcolor rgb '#666666'
set label 4 'spamgauge' at screen 0.983333, screen 0.024648 right noenhanced font 'sans-serif,9' textcolor rgb '#666666'
set xrange [0:28]
set xtics nomirror out scale 0.5 ("27 Sep\n2010" 0, "4 Oct" 7, "11 Oct" 14, "18 Oct" 21)
set arrow 100 from screen 0.093862, graph 0 to screen 0.093862, graph 1 nohead front linecolor rgb '#333333' linewidth 1 dashtype (10,8)
set arrow 108 from screen 0.093862, screen 0.862676 to screen 0.093862, screen 0.871479 nohead front linecolor rgb '#333333' linewidth 1
set label 100 '1' at screen 0.093750, screen 0.882042 center noenhanced font 'sans-serif:Bold,9' textcolor rgb '#222222'
set label 108 '1' at screen 0.029167, screen 0.176056 right noenhanced font 'sans-serif:Bold,9' textcolor rgb '#222222'
set label 109 '2010-09-27' at screen 0.037500, screen 0.176056 left noenhanced font 'sans-serif,9' textcolor rgb '#666666'
set label 110 'The hosting of two botnets is cut off by its upstr…' at screen 0.125000, screen 0.176056 left noenhanced font 'sans-serif,9' textcolor rgb '#222222'
set arrow 101 from screen 0.119085, graph 0 to screen 0.119085, graph 1 nohead front linecolor rgb '#333333' linewidth 1 dashtype (10,8)
set arrow 109 from screen 0.119085, screen 0.862676 to screen 0.119085, screen 0.871479 nohead front linecolor rgb '#333333' linewidth 1
set label 101 '2' at screen 0.118750, screen 0.882042 center noenhanced font 'sans-serif:Bold,9' textcolor rgb '#222222'
set label 111 '2' at screen 0.029167, screen 0.147887 right noenhanced font 'sans-serif:Bold,9' textcolor rgb '#222222'
set label 112 '2010-09-28' at screen 0.037500, screen 0.147887 left noenhanced font 'sans-serif,9' textcolor rgb '#666666'
set label 113 'An affiliate program says on its own page that it…' at screen 0.125000, screen 0.147887 left noenhanced font 'sans-serif,9' textcolor rgb '#222222'
set arrow 102 from screen 0.194754, graph 0 to screen 0.194754, graph 1 nohead front linecolor rgb '#333333' linewidth 1 dashtype (10,8)
set arrow 110 from screen 0.194754, screen 0.862676 to screen 0.186942, screen 0.871479 nohead front linecolor rgb '#333333' linewidth 1
set label 102 '3' at screen 0.186458, screen 0.882042 center noenhanced font 'sans-serif:Bold,9' textcolor rgb '#222222'
set label 114 '3' at screen 0.029167, screen 0.119718 right noenhanced font 'sans-serif:Bold,9' textcolor rgb '#222222'
set label 115 '2010-10-01' at screen 0.037500, screen 0.119718 left noenhanced font 'sans-serif,9' textcolor rgb '#666666'
set label 116 'Program’s last day: “closed”' at screen 0.125000, screen 0.119718 left noenhanced font 'sans-serif,9' textcolor rgb '#222222'
set arrow 103 from screen 0.194754, graph 0 to screen 0.194754, graph 1 nohead front linecolor rgb '#333333' linewidth 1 dashtype (10,8)
set arrow 111 from screen 0.194754, screen 0.862676 to screen 0.202567, screen 0.871479 nohead front linecolor rgb '#333333' linewidth 1
set label 103 '4' at screen 0.202083, screen 0.882042 center noenhanced font 'sans-serif:Bold,9' textcolor rgb '#222222'
set label 117 '4' at screen 0.029167, screen 0.091549 right noenhanced font 'sans-serif:Bold,9' textcolor rgb '#222222'
set label 118 '2010-10-01' at screen 0.037500, screen 0.091549 left noenhanced font 'sans-serif,9' textcolor rgb '#666666'
set label 119 'The other one too' at screen 0.125000, screen 0.091549 left noenhanced font 'sans-serif,9' textcolor rgb '#222222'
set arrow 104 from screen 0.472210, graph 0 to screen 0.472210, graph 1 nohead front linecolor rgb '#333333' linewidth 1 dashtype (10,8)
set arrow 112 from screen 0.472210, screen 0.862676 to screen 0.472210, screen 0.871479 nohead front linecolor rgb '#333333' linewidth 1
set label 104 '5' at screen 0.471875, screen 0.882042 center noenhanced font 'sans-serif:Bold,9' textcolor rgb '#222222'
set label 120 '5' at screen 0.029167, screen 0.063380 right noenhanced font 'sans-serif:Bold,9' textcolor rgb '#222222'
set label 121 '2010-10-12' at screen 0.037500, screen 0.063380 left noenhanced font 'sans-serif,9' textcolor rgb '#666666'
set label 122 'The trap’s disk is full' at screen 0.125000, screen 0.063380 left noenhanced font 'sans-serif,9' textcolor rgb '#222222'
set arrow 105 from screen 0.497433, graph 0 to screen 0.497433, graph 1 nohead front linecolor rgb '#333333' linewidth 1 dashtype (10,8)
set arrow 113 from screen 0.497433, screen 0.862676 to screen 0.497433, screen 0.871479 nohead front linecolor rgb '#333333' linewidth 1
set label 105 '6' at screen 0.497917, screen 0.882042 center noenhanced font 'sans-serif:Bold,9' textcolor rgb '#222222'
set label 123 '6' at screen 0.512500, screen 0.176056 right noenhanced font 'sans-serif:Bold,9' textcolor rgb '#222222'
set label 124 '2010-10-13' at screen 0.520833, screen 0.176056 left noenhanced font 'sans-serif,9' textcolor rgb '#666666'
set label 125 'Still full' at screen 0.608333, screen 0.176056 left noenhanced font 'sans-serif,9' textcolor rgb '#222222'
set arrow 106 from screen 0.673996, graph 0 to screen 0.673996, graph 1 nohead front linecolor rgb '#333333' linewidth 1 dashtype (10,8)
set arrow 114 from screen 0.673996, screen 0.862676 to screen 0.673996, screen 0.871479 nohead front linecolor rgb '#333333' linewidth 1
set label 106 '7' at screen 0.673958, screen 0.882042 center noenhanced font 'sans-serif:Bold,9' textcolor rgb '#222222'
set label 126 '7' at screen 0.512500, screen 0.147887 right noenhanced font 'sans-serif:Bold,9' textcolor rgb '#222222'
set label 127 '2010-10-20' at screen 0.520833, screen 0.147887 left noenhanced font 'sans-serif,9' textcolor rgb '#666666'
set label 128 'A second network is cut off' at screen 0.608333, screen 0.147887 left noenhanced font 'sans-serif,9' textcolor rgb '#222222'
set arrow 107 from screen 0.699219, graph 0 to screen 0.699219, graph 1 nohead front linecolor rgb '#333333' linewidth 1 dashtype (10,8)
set arrow 115 from screen 0.699219, screen 0.862676 to screen 0.699219, screen 0.871479 nohead front linecolor rgb '#333333' linewidth 1
set label 107 '8' at screen 0.698958, screen 0.882042 center noenhanced font 'sans-serif:Bold,9' textcolor rgb '#222222'
set label 129 '8' at screen 0.512500, screen 0.119718 right noenhanced font 'sans-serif:Bold,9' textcolor rgb '#222222'
set label 130 '2010-10-21' at screen 0.520833, screen 0.119718 left noenhanced font 'sans-serif,9' textcolor rgb '#666666'
set label 131 'And a third' at screen 0.608333, screen 0.119718 left noenhanced font 'sans-serif,9' textcolor rgb '#222222'
set label 132 '+12 more' at screen 0.520833, screen 0.091549 left noenhanced font 'sans-serif,9' textcolor rgb '#666666'
$L0 << EOD
0 63.6363636 100
1 63.6363636 100
1 56.9343066 100
2 56.9343066 100
2 62.7906977 100
3 62.7906977 100
3 64.9635036 100
4 64.9635036 100
4 73.5294118 100
5 73.5294118 100
5 72.1311475 100
6 72.1311475 100
6 75.6756757 100
7 75.6756757 100
7 72.2689076 100
8 72.2689076 100
8 73.5042735 100
9 73.5042735 100
9 73.7288136 100
10 73.7288136 100
10 75.8928571 100
11 75.8928571 100
11 74.137931 100
12 74.137931 100
12 68.6956522 100
13 68.6956522 100
13 72.0338983 100
14 72.0338983 100
14 75.862069 100
15 75.862069 100

17 75.8928571 100
18 75.8928571 100
18 76.3636364 100
19 76.3636364 100
19 71.4285714 100
20 71.4285714 100
20 71.5517241 100
21 71.5517241 100
21 73.8738739 100
22 73.8738739 100
22 76.3157895 100
23 76.3157895 100
23 67.2566372 100
24 67.2566372 100
24 74.3589744 100
25 74.3589744 100
25 73.9130435 100
26 73.9130435 100
26 74.3589744 100
27 74.3589744 100
27 69.0909091 100
28 69.0909091 100
EOD
$L1 << EOD
0 42.4242424 63.6363636
1 42.4242424 63.6363636
1 40.1459854 56.9343066
2 40.1459854 56.9343066
2 45.7364341 62.7906977
3 45.7364341 62.7906977
3 43.7956204 64.9635036
4 43.7956204 64.9635036
4 50 73.5294118
5 50 73.5294118
5 49.1803279 72.1311475
6 49.1803279 72.1311475
6 49.5495495 75.6756757
7 49.5495495 75.6756757
7 51.2605042 72.2689076
8 51.2605042 72.2689076
8 51.2820513 73.5042735
9 51.2820513 73.5042735
9 55.0847458 73.7288136
10 55.0847458 73.7288136
10 50.8928571 75.8928571
11 50.8928571 75.8928571
11 50 74.137931
12 50 74.137931
12 49.5652174 68.6956522
13 49.5652174 68.6956522
13 48.3050847 72.0338983
14 48.3050847 72.0338983
14 54.3103448 75.862069
15 54.3103448 75.862069

17 52.6785714 75.8928571
18 52.6785714 75.8928571
18 56.3636364 76.3636364
19 56.3636364 76.3636364
19 47.3214286 71.4285714
20 47.3214286 71.4285714
20 52.5862069 71.5517241
21 52.5862069 71.5517241
21 53.1531532 73.8738739
22 53.1531532 73.8738739
22 52.6315789 76.3157895
23 52.6315789 76.3157895
23 47.7876106 67.2566372
24 47.7876106 67.2566372
24 50.4273504 74.3589744
25 50.4273504 74.3589744
25 53.0434783 73.9130435
26 53.0434783 73.9130435
26 51.2820513 74.3589744
27 51.2820513 74.3589744
27 49.0909091 69.0909091
28 49.0909091 69.0909091
EOD
$L2 << EOD
0 33.3333333 42.4242424
1 33.3333333 42.4242424
1 29.9270073 40.1459854
2 29.9270073 40.1459854
2 35.6589147 45.7364341
3 35.6589147 45.7364341
3 31.3868613 43.7956204
4 31.3868613 43.7956204
4 37.254902 50
5 37.254902 50
5 36.8852459 49.1803279
6 36.8852459 49.1803279
6 36.036036 49.5495495
7 36.036036 49.5495495
7 39.4957983 51.2605042
8 39.4957983 51.2605042
8 38.4615385 51.2820513
9 38.4615385 51.2820513
9 41.5254237 55.0847458
10 41.5254237 55.0847458
10 36.6071429 50.8928571
11 36.6071429 50.8928571
11 35.3448276 50
12 35.3448276 50
12 35.6521739 49.5652174
13 35.6521739 49.5652174
13 33.8983051 48.3050847
14 33.8983051 48.3050847
14 41.3793103 54.3103448
15 41.3793103 54.3103448

17 37.5 52.6785714
18 37.5 52.6785714
18 42.7272727 56.3636364
19 42.7272727 56.3636364
19 37.5 47.3214286
20 37.5 47.3214286
20 41.3793103 52.5862069
21 41.3793103 52.5862069
21 38.7387387 53.1531532
22 38.7387387 53.1531532
22 37.7192982 52.6315789
23 37.7192982 52.6315789
23 36.2831858 47.7876106
24 36.2831858 47.7876106
24 38.4615385 50.4273504
25 38.4615385 50.4273504
25 40 53.0434783
26 40 53.0434783
26 39.3162393 51.2820513
27 39.3162393 51.2820513
27 38.1818182 49.0909091
28 38.1818182 49.0909091
EOD
$L3 << EOD
0 25.7575758 33.3333333
1 25.7575758 33.3333333
1 24.8175182 29.9270073
2 24.8175182 29.9270073
2 29.4573643 35.6589147
3 29.4573643 35.6589147
3 26.2773723 31.3868613
4 26.2773723 31.3868613
4 29.4117647 37.254902
5 29.4117647 37.254902
5 28.6885246 36.8852459
6 28.6885246 36.8852459
6 29.7297297 36.036036
7 29.7297297 36.036036
7 32.7731092 39.4957983
8 32.7731092 39.4957983
8 30.7692308 38.4615385
9 30.7692308 38.4615385
9 33.8983051 41.5254237
10 33.8983051 41.5254237
10 30.3571429 36.6071429
11 30.3571429 36.6071429
11 29.3103448 35.3448276
12 29.3103448 35.3448276
12 28.6956522 35.6521739
13 28.6956522 35.6521739
13 27.9661017 33.8983051
14 27.9661017 33.8983051
14 32.7586207 41.3793103
15 32.7586207 41.3793103

17 31.25 37.5
18 31.25 37.5
18 34.5454545 42.7272727
19 34.5454545 42.7272727
19 30.3571429 37.5
20 30.3571429 37.5
20 34.4827586 41.3793103
21 34.4827586 41.3793103
21 32.4324324 38.7387387
22 32.4324324 38.7387387
22 28.9473684 37.7192982
23 28.9473684 37.7192982
23 29.2035398 36.2831858
24 29.2035398 36.2831858
24 30.7692308 38.4615385
25 30.7692308 38.4615385
25 33.0434783 40
26 33.0434783 40
26 32.4786325 39.3162393
27 32.4786325 39.3162393
27 30 38.1818182
28 30 38.1818182
EOD
$L4 << EOD
0 23.4848485 25.7575758
1 23.4848485 25.7575758
1 21.8978102 24.8175182
2 21.8978102 24.8175182
2 26.3565891 29.4573643
3 26.3565891 29.4573643
3 22.6277372 26.2773723
4 22.6277372 26.2773723
4 26.4705882 29.4117647
5 26.4705882 29.4117647
5 26.2295082 28.6885246
6 26.2295082 28.6885246
6 26.1261261 29.7297297
7 26.1261261 29.7297297
7 30.2521008 32.7731092
8 30.2521008 32.7731092
8 27.3504274 30.7692308
9 27.3504274 30.7692308
9 30.5084746 33.8983051
10 30.5084746 33.8983051
10 25.8928571 30.3571429
11 25.8928571 30.3571429
11 26.7241379 29.3103448
12 26.7241379 29.3103448
12 26.9565217 28.6956522
13 26.9565217 28.6956522
13 24.5762712 27.9661017
14 24.5762712 27.9661017
14 28.4482759 32.7586207
15 28.4482759 32.7586207

17 28.5714286 31.25
18 28.5714286 31.25
18 30 34.5454545
19 30 34.5454545
19 25.8928571 30.3571429
20 25.8928571 30.3571429
20 31.8965517 34.4827586
21 31.8965517 34.4827586
21 28.8288288 32.4324324
22 28.8288288 32.4324324
22 25.4385965 28.9473684
23 25.4385965 28.9473684
23 26.5486726 29.2035398
24 26.5486726 29.2035398
24 27.3504274 30.7692308
25 27.3504274 30.7692308
25 30.4347826 33.0434783
26 30.4347826 33.0434783
26 29.9145299 32.4786325
27 29.9145299 32.4786325
27 27.2727273 30
28 27.2727273 30
EOD
$L5 << EOD
0 0 23.4848485
1 0 23.4848485
1 0 21.8978102
2 0 21.8978102
2 3.55271368e-15 26.3565891
3 3.55271368e-15 26.3565891
3 0 22.6277372
4 0 22.6277372
4 0 26.4705882
5 0 26.4705882
5 0 26.2295082
6 0 26.2295082
6 0 26.1261261
7 0 26.1261261
7 3.55271368e-15 30.2521008
8 3.55271368e-15 30.2521008
8 3.55271368e-15 27.3504274
9 3.55271368e-15 27.3504274
9 0 30.5084746
10 0 30.5084746
10 0 25.8928571
11 0 25.8928571
11 3.55271368e-15 26.7241379
12 3.55271368e-15 26.7241379
12 0 26.9565217
13 0 26.9565217
13 0 24.5762712
14 0 24.5762712
14 0 28.4482759
15 0 28.4482759

17 0 28.5714286
18 0 28.5714286
18 3.55271368e-15 30
19 3.55271368e-15 30
19 0 25.8928571
20 0 25.8928571
20 0 31.8965517
21 0 31.8965517
21 3.55271368e-15 28.8288288
22 3.55271368e-15 28.8288288
22 3.55271368e-15 25.4385965
23 3.55271368e-15 25.4385965
23 0 26.5486726
24 0 26.5486726
24 3.55271368e-15 27.3504274
25 3.55271368e-15 27.3504274
25 3.55271368e-15 30.4347826
26 3.55271368e-15 30.4347826
26 3.55271368e-15 29.9145299
27 3.55271368e-15 29.9145299
27 0 27.2727273
28 0 27.2727273
EOD
set yrange [0:100]
set ytics nomirror scale 0 ('0 %%' 0, '20 %%' 20, '40 %%' 40, '60 %%' 60, '80 %%' 80, '100 %%' 100)
set object 1 rectangle from screen 0.804167, screen 0.867958 to screen 0.818750, screen 0.885563 front fillcolor rgb '#0072B2' fillstyle solid noborder
set label 10 'rustock  28.7 %' at screen 0.825000, screen 0.876761 left noenhanced font 'sans-serif,10' textcolor rgb '#222222'
set object 2 rectangle from screen 0.804167, screen 0.832746 to screen 0.818750, screen 0.850352 front fillcolor rgb '#E69F00' fillstyle solid noborder
set label 11 'cutwail  21.6 %' at screen 0.825000, screen 0.841549 left noenhanced font 'sans-serif,10' textcolor rgb '#222222'
set object 3 rectangle from screen 0.804167, screen 0.797535 to screen 0.818750, screen 0.815141 front fillcolor rgb '#009E73' fillstyle solid noborder
set label 12 'lethic  12.5 %' at screen 0.825000, screen 0.806338 left noenhanced font 'sans-serif,10' textcolor rgb '#222222'
set object 4 rectangle from screen 0.804167, screen 0.762324 to screen 0.818750, screen 0.779930 front fillcolor rgb '#CC79A7' fillstyle solid noborder
set label 13 'grum  7.0 %' at screen 0.825000, screen 0.771127 left noenhanced font 'sans-serif,10' textcolor rgb '#222222'
set object 5 rectangle from screen 0.804167, screen 0.727113 to screen 0.818750, screen 0.744718 front fillcolor rgb '#56B4E9' fillstyle solid noborder
set label 14 'mega-d  3.1 %' at screen 0.825000, screen 0.735915 left noenhanced font 'sans-serif,10' textcolor rgb '#222222'
set object 6 rectangle from screen 0.804167, screen 0.691901 to screen 0.818750, screen 0.709507 front fillcolor rgb '#C6C6C6' fillstyle solid noborder
set label 15 'unknown  27.1 %' at screen 0.825000, screen 0.700704 left noenhanced font 'sans-serif,10' textcolor rgb '#222222'
plot $L0 using 1:2:3 with filledcurves fillcolor rgb '#0072B2', \
  $L1 using 1:2:3 with filledcurves fillcolor rgb '#E69F00', \
  $L2 using 1:2:3 with filledcurves fillcolor rgb '#009E73', \
  $L3 using 1:2:3 with filledcurves fillcolor rgb '#CC79A7', \
  $L4 using 1:2:3 with filledcurves fillcolor rgb '#56B4E9', \
  $L5 using 1:2:3 with filledcurves fillcolor rgb '#C6C6C6'
